/** The real server, as a process of its own. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";

import { HOST } from "./host.mjs";
import { SERVER } from "./paths.mjs";
import { until, within } from "./wait.mjs";

/** What nobody wants to find in a server's log. With the level `debug` it would be there. */
const RESET = /connection reset by peer/i;

/** What it logs when a user has come again and the older connection was still there. */
const REPLACED = /Closing existing connection/;

/**
 * Starts a server that gives a token to whoever asks.
 *
 * @param {object} [options]
 * @param {string} [options.site] - The folder that it serves.
 * @param {string[]} [options.args] - More options of its command line.
 * @param {boolean} [options.isReset] - Whether the test itself resets connections: then, and only
 *   then, the server's log may say so.
 * @param {boolean} [options.replaces] - Whether the test has a user come twice, or hides the end of a
 *   connection from the server: then, and only then, it may have to close an older one.
 */
export async function startServer({ site, args = [], isReset = false, replaces = false } = {}) {
  const unwanted = [...(isReset ? [] : [RESET]), ...(replaces ? [] : [REPLACED])];
  const server = new Server([...(site ? ["--site", site] : []), ...args], unwanted);
  await server.start();
  return server;
}

class Server {
  /** Where it listens, also after a restart: `http://HOST:PORT`. */
  url = "";
  /** What it has logged, restarts included. */
  log = "";
  #args;
  #unwanted;
  #listen = `${HOST}:0`;
  /** What tokens are signed with; the same after a restart, so that they stay good. */
  secret = randomBytes(32).toString("hex");
  #child;
  #ended;
  #stopped = true;

  constructor(args, unwanted) {
    this.#args = args;
    this.#unwanted = unwanted;
  }

  /** Where its WebSocket is. */
  get ws() {
    return `${this.url.replace("http", "ws")}/ws`;
  }

  /** Starts it, or starts it again on the same port. */
  async start() {
    const args = ["--listen", this.#listen, "--issue-tokens", "--log-level", "debug"];
    // Whoever tests rights says which groups are open.
    if (!this.#args.includes("--open-groups")) args.push("--open-groups", "*");
    const child = spawn(SERVER, [...args, ...this.#args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...withoutOptions(process.env), ONESOCKET_SECRET: this.secret },
    });
    this.#child = child;
    this.#stopped = false;
    // If we end before it: it must not stay.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    this.#ended = once(child, "close").then(([code, signal]) => {
      process.removeListener("exit", kill);
      return code ?? signal;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.log += text;
    });
    const first = once(createInterface(child.stdout), "line").then(([line]) => line);
    const ended = this.#ended.then((how) => `it ended (${how}): ${this.log}`);
    const line = await within(Promise.race([first, ended]), "the server's first line");
    const [, url] = /^listening on (http:\/\/\S+)$/.exec(line) ?? [];
    if (!url) throw new Error(`the server does not listen: ${line}`);
    this.url = url;
    this.#listen = new URL(url).host;
  }

  /** Asks it to leave, and checks that it does so in good order. */
  async stop() {
    const how = await this.#end("SIGTERM");
    if (how !== 0) throw new Error(`the server ended with ${how} instead of 0`);
    const isBad = (line) => this.#unwanted.some((pattern) => pattern.test(line));
    const bad = this.log.split("\n").filter(isBad);
    if (bad.length > 0) throw new Error(`in the server's log:\n${bad.join("\n")}`);
  }

  /** Ends it without a word to anybody. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Ends it with the test. */
  async end() {
    if (!this.#stopped) await this.stop();
  }

  async #end(signal) {
    this.#stopped = true;
    this.#child.kill(signal);
    try {
      return await within(this.#ended, `the server's end by ${signal}`);
    } catch (error) {
      this.#child.kill("SIGKILL");
      throw error;
    }
  }

  /**
   * Gets a token.
   *
   * @param {string} user
   * @returns {Promise<string>}
   */
  async token(user) {
    const answer = await fetch(`${this.url}/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user }),
    });
    return (await answer.json()).token;
  }

  /**
   * Counts the user's sockets.
   *
   * @param {string} user
   * @returns {Promise<{ open: number, opened: number }>}
   */
  async connections(user) {
    const headers = { authorization: `Bearer ${await this.token(user)}` };
    const answer = await fetch(`${this.url}/connections`, { headers });
    const { open, opened } = await answer.json();
    return { open, opened };
  }

  /**
   * Waits until the user has so many sockets, and counts them.
   *
   * @param {string} user
   * @param {number} open
   */
  async connectionsWhenOpen(user, open) {
    return await until(`${open} open sockets of ${user}`, async () => {
      const counts = await this.connections(user);
      return counts.open === open && counts;
    });
  }

  /**
   * Counts the lines of the log with a text in them.
   *
   * @param {string} text
   */
  logged(text) {
    return this.log.split("\n").filter((line) => line.includes(text)).length;
  }

  /**
   * Waits until so many lines of the log have a text in them, which are to be all: what it logs comes
   * later than what a page knows.
   *
   * @param {string} text
   * @param {number} count
   */
  async hasLogged(text, count) {
    await until(`${count} times "${text}" in the log`, () => this.logged(text) >= count);
    assert.equal(this.logged(text), count);
  }

  /**
   * Waits until it has had so many clients at once, which are to be the most that it ever had.
   *
   * @param {number} count
   */
  async hasHadAtMost(count) {
    const most = () => {
      const numbers = [...this.log.matchAll(/Total clients: (\d+)/g)].map(([, number]) => number);
      return Math.max(0, ...numbers.map(Number));
    };
    await until(`${count} clients at once`, () => most() >= count);
    assert.equal(most(), count);
  }

  /**
   * Reads in the log how many sockets of a user were live at once at most, and for how many milliseconds there were
   * more than one at most: from the accept of the new one to the close of the old one.
   *
   * @param {string} user
   */
  liveAtOnce(user) {
    const live = new Map();
    const [most, overlaps] = [[0], [0]];
    for (const line of this.log.split("\n")) {
      const [time] = line.split(" ");
      const [, connection] = / connection=(\d+)/.exec(line) ?? [];
      if (line.includes(`Client connected user="${user}"`)) {
        live.set(connection, time);
        most.push(live.size);
      } else if (live.has(connection) && /: (Client closed|Client lost|Closing connection) /.test(line)) {
        live.delete(connection);
        // Whoever is left has come meanwhile.
        for (const since of live.values()) overlaps.push(microseconds(time) - microseconds(since));
      }
    }
    return { most: Math.max(...most), overlapMs: Math.max(...overlaps) / 1000 };
  }

  /** What helps to understand a failure. */
  tell() {
    return ["the server's log ended with:", ...this.log.trimEnd().split("\n").slice(-25)];
  }
}

/** Reads the time of a line of the log, which has six digits behind the second. */
function microseconds(time) {
  return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26));
}

/** An environment without the options that the server would read in it: some are named as ours. */
function withoutOptions(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("ONESOCKET_")));
}
