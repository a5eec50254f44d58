/** A test with what it needs: all of it ends with the test, in reverse order, also if it fails. */

import { open } from "./browser.mjs";
import { startFaultServer } from "./fault_server.mjs";
import { startProxy } from "./proxy.mjs";
import { startServer } from "./server.mjs";
import { within } from "./wait.mjs";

/** How long one test may take, in milliseconds. */
const TEST_LIMIT = 90_000;

/**
 * What a test needs. What is started through these ends with the test.
 *
 * @typedef {object} Tools
 * @property {typeof startServer} server
 * @property {typeof startProxy} proxy
 * @property {typeof startFaultServer} faultServer
 * @property {typeof open} open
 * @property {<T extends { end(): Promise<void> }>(thing: T) => T} use - Takes what else has an end.
 * @property {(line: string) => void} print - Shows a line beside the test.
 */

/**
 * Makes the function of a test out of one that takes tools.
 *
 * @param {(tools: Tools) => Promise<void>} play
 * @param {number} [limit] - How long it may take, in milliseconds.
 */
export function scene(play, limit = TEST_LIMIT) {
  return async (test) => {
    const things = [];
    const use = (thing) => {
      things.push(thing);
      return thing;
    };
    const tools = {
      server: async (...args) => use(await startServer(...args)),
      proxy: async (...args) => use(await startProxy(...args)),
      faultServer: async (...args) => use(await startFaultServer(...args)),
      open: async (...args) => use(await open(...args)),
      use,
      print: (line) => test.diagnostic(line),
    };
    const errors = [];
    const attempt = async (work) => {
      try {
        await work();
      } catch (error) {
        errors.push(error);
      }
    };
    await attempt(() => within(play(tools), "the end of the test", limit));
    for (const thing of things.reverse()) await attempt(() => thing.end());
    if (errors.length === 0) return;
    const told = things.flatMap((thing) => thing.tell?.() ?? []);
    const [first] = errors;
    for (const error of errors.slice(1)) first.message += `\n\nand then: ${error.message}`;
    if (told.length > 0) first.message += `\n\n${told.join("\n")}\n`;
    throw first;
  };
}
