/** WebSocket servers that are not ours, as processes of their own: see tests/foreign. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";

import { PYTHON, ROOT } from "./paths.mjs";
import { until, within } from "./wait.mjs";

/** What runs each of them. */
const PROGRAMS = {
  "Node's ws": [process.execPath, "plain_server.mjs"],
  "Python's websockets": [PYTHON, "plain_server.py"],
};

/** Their names. */
export const FOREIGN = Object.keys(PROGRAMS);

/**
 * Starts one.
 *
 * @param {string} name - One of {@link FOREIGN}.
 */
export async function startForeignServer(name) {
  const server = new ForeignServer(name);
  await server.start();
  return server;
}

class ForeignServer {
  /** Where it listens: `ws://127.0.0.1:PORT/ws`. */
  ws = "";
  /** What has happened, oldest first. */
  events = [];
  #errors = "";
  #name;
  #child;

  constructor(name) {
    this.#name = name;
  }

  async start() {
    const [program, script] = PROGRAMS[this.#name];
    this.#child = spawn(program, [join(ROOT, "tests/foreign", script)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const kill = () => this.#child.kill("SIGKILL");
    process.once("exit", kill);
    this.#child.once("close", () => process.removeListener("exit", kill));
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.#errors += text));
    createInterface(this.#child.stdout).on("line", (line) => this.events.push(JSON.parse(line)));
    const { port } = await until(`${this.#name} listens (${this.#errors})`, () =>
      this.events.find(({ event }) => event === "listening"),
    );
    this.ws = `ws://127.0.0.1:${port}/ws`;
  }

  /** The sockets that it has had and has. */
  get sockets() {
    const count = (wanted) => this.events.filter(({ event }) => event === wanted).length;
    return { opened: count("opened"), open: count("opened") - count("closed") };
  }

  /** How its sockets were begun. */
  get openings() {
    return this.events.filter(({ event }) => event === "opened");
  }

  /** The messages that it was sent, texts and bytes. */
  get messages() {
    const said = this.events.filter(({ event }) => event === "text" || event === "bytes");
    return said.map(({ text, bytes }) => text ?? String(bytes));
  }

  /**
   * Waits until it has had so many sockets, and has so many: what it tells comes later than what a
   * page knows.
   */
  async has(sockets) {
    const has = () => isDeepStrictEqual(this.sockets, sockets);
    await until(`${JSON.stringify(sockets)} at the server`, has);
  }

  /** Waits until it was sent so many messages, which are to be these. */
  async heard(messages) {
    const count = messages.length;
    await until(`${count} messages at the server`, () => this.messages.length >= count);
    assert.deepEqual(this.messages, messages);
  }

  /** Stops its process, which reads nothing more. */
  pause() {
    this.#child.kill("SIGSTOP");
  }

  /** Lets it go on. */
  resume() {
    this.#child.kill("SIGCONT");
  }

  async end() {
    const ended = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await within(ended, `the end of ${this.#name}`);
  }

  /** What helps to understand a failure. */
  tell() {
    const events = this.events.slice(-25).map((event) => JSON.stringify(event));
    return [`${this.#name}:`, ...events, this.#errors];
  }
}
