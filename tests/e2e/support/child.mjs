/** Programs that serve while a test lasts. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

/**
 * Starts a program, which the test is to `use()`: it ends with the test, and with this process.
 *
 * @param {string} name - What it is called where it is told of.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env?: Record<string, string | undefined> }} options
 */
export function startChild(name, program, args, options) {
  // A group of its own, for it may start others.
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
  }
  const kill = () => process.kill(-child.pid, "SIGKILL");
  process.once("exit", kill);
  const ended = once(child, "close").then(() => process.removeListener("exit", kill));
  return {
    /** What it has said so far, to either stream. */
    said: () => said,
    end: async () => {
      if (child.exitCode === null) kill();
      await ended;
    },
    tell: () => [`${name} said:`, said],
  };
}
