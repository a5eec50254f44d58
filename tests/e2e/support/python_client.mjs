/** The client in Python that was written from PROTOCOL.md, as a process that a test drives. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

import { FOREIGN, PYTHON } from "./paths.mjs";
import { until, within } from "./wait.mjs";

/**
 * Starts it; it connects at once.
 *
 * @param {string} ws - Where the WebSocket is.
 * @param {object} options
 * @param {string} options.user
 * @param {string} options.token - Where it gets its tokens, or the one that it always has.
 */
export function startPython(ws, { user, token }) {
  return new PythonClient([ws, token, user]);
}

class PythonClient {
  /** All that it has told, oldest first. */
  events = [];
  #child;
  #ended;
  #errors = "";
  #calls = 0;

  constructor(args) {
    const child = spawn(PYTHON, ["-B", join(FOREIGN, "driven.py"), ...args]);
    this.#child = child;
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    this.#ended = once(child, "close").then(() => process.removeListener("exit", kill));
    createInterface(child.stdout).on("line", (line) => this.events.push(JSON.parse(line)));
    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors += text;
    });
    // It may have ended by itself.
    child.stdin.on("error", () => {});
  }

  /** Tells it to do something; its answer is an event with the number that is returned. */
  tell(what, ...args) {
    this.#calls += 1;
    this.#child.stdin.write(`${JSON.stringify({ do: what, args, call: this.#calls })}\n`);
    return this.#calls;
  }

  /** Tells it to do something and waits until the server has answered: `done`, or a code. */
  async ask(what, ...args) {
    const call = this.tell(what, ...args);
    const answer = await this.told(`the answer to ${what}`, (event) => event.call === call);
    return answer.code ?? answer.event;
  }

  /** Waits for so many events of a kind and returns them. */
  async heard(kind, count = 1) {
    const of = () => this.events.filter(({ event }) => event === kind);
    await until(`${count} times ${kind}`, () => of().length >= count);
    return of();
  }

  /** Waits for an event. */
  async told(what, test) {
    return await until(what, () => this.events.find(test));
  }

  async end() {
    this.#child.stdin.end();
    await within(this.#ended, "the end of Python");
    if (this.#errors) throw new Error(`Python said: ${this.#errors}`);
  }
}
