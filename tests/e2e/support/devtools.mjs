/**
 * A browser of its own, spoken to in the raw DevTools protocol over a pipe.
 *
 * Playwright keeps every page visible and awake and switches the back/forward cache off: what a
 * browser does to tabs that nobody looks at can only be seen without it.
 */

import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { rmSync } from "node:fs";
import process from "node:process";

import { BROWSER, scratch } from "./paths.mjs";
import { within } from "./wait.mjs";

/** Starts a browser with these flags. */
export async function startDevtools(flags) {
  const devtools = new Devtools(flags);
  await devtools.send("Target.setDiscoverTargets", { discover: true });
  return devtools;
}

class Devtools {
  #profile = scratch("profile");
  #child;
  #ended;
  #last = 0;
  #calls = new Map();
  #sessions = new Map();
  #received = "";

  constructor(flags) {
    const args = [...flags, "--headless", "--remote-debugging-pipe", `--user-data-dir=${this.#profile}`];
    this.#child = spawn(BROWSER, [...args, "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      // A group of its own, so that its many processes can be ended together.
      detached: true,
    });
    const kill = () => this.#kill();
    process.once("exit", kill);
    this.#ended = once(this.#child, "exit").then(() => process.removeListener("exit", kill));
    this.#child.stdio[3].on("error", () => {});
    this.#child.stdio[4].setEncoding("utf8").on("data", (text) => this.#receive(text));
  }

  /** Calls a method and returns its result. */
  async send(method, params = {}, sessionId = undefined) {
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    this.#write({ id, method, params, sessionId });
    try {
      return await within(answer, `the browser's answer to ${method}`);
    } finally {
      this.#calls.delete(id);
    }
  }

  /** Calls a method that nobody answers. */
  tell(method, sessionId) {
    this.#last += 1;
    this.#write({ id: this.#last, method, params: {}, sessionId });
  }

  #write(call) {
    this.#child.stdio[3].write(`${JSON.stringify(call)}\0`);
  }

  /**
   * Opens a tab, in front of the others or in a window of its own, and returns a session in it.
   *
   * @param {boolean} [newWindow]
   */
  async newTab(newWindow = false) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", newWindow });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const session = new Session(this, targetId, sessionId);
    this.#sessions.set(sessionId, session);
    return session;
  }

  /** Returns the seconds for which each process has worked, with its kind, by its id. */
  async worked() {
    const { processInfo } = await this.send("SystemInfo.getProcessInfo");
    return new Map(processInfo.map(({ id, type, cpuTime }) => [id, { type, seconds: cpuTime }]));
  }

  /** Ends it at once: asked to close, it may go before it has answered, or stay. */
  async end() {
    this.#kill();
    await within(this.#ended, "the browser's end");
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #kill() {
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  #receive(text) {
    const parts = (this.#received + text).split("\0");
    this.#received = parts.pop();
    for (const part of parts) this.#take(JSON.parse(part));
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      this.#sessions.get(sessionId)?.emit(method, params);
      return;
    }
    const call = this.#calls.get(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }
}

/** A session in a tab. It emits what the browser tells, by the name of the method. */
class Session extends EventEmitter {
  #devtools;
  #targetId;
  #sessionId;

  constructor(devtools, targetId, sessionId) {
    super();
    this.#devtools = devtools;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
  }

  async send(method, params) {
    return await this.#devtools.send(method, params, this.#sessionId);
  }

  tell(method) {
    this.#devtools.tell(method, this.#sessionId);
  }

  async close() {
    await this.#devtools.send("Target.closeTarget", { targetId: this.#targetId });
  }

  /**
   * Returns the id of the process that the page runs in. A trace alone tells it: it begins with which process
   * has which page.
   */
  async process() {
    const events = [];
    const collect = ({ value }) => events.push(...value);
    this.on("Tracing.dataCollected", collect);
    const complete = once(this, "Tracing.tracingComplete");
    const traceConfig = { includedCategories: ["disabled-by-default-devtools.timeline"] };
    await this.send("Tracing.start", { traceConfig });
    await this.send("Tracing.end");
    await within(complete, "the end of the trace");
    this.off("Tracing.dataCollected", collect);
    const frames = events.flatMap(({ args }) => args?.data?.frames ?? []);
    return frames.find(({ frame }) => frame === this.#targetId).processId;
  }

  /** Brings the tab to the front: the others of its window are hidden then. */
  async activate() {
    await this.#devtools.send("Target.activateTarget", { targetId: this.#targetId });
  }
}
