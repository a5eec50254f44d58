/** A page with a client of the fault server, and what was told of it. */

import { plainPage } from "./plain_page.mjs";
import { until } from "./wait.mjs";

/** The longest from the end of an attempt to the next one: `intervalMs` and its jitter, rounded up. */
export const RETRY_MS = 5501;

/**
 * Opens a page on a virtual clock and makes a client in it that has not connected yet. It gets its
 * tokens from the real server, which has served the page.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {string} url - Of the fault server.
 * @param {object} [options]
 * @param {RegExp[]} [options.allow] - See `Watch.allow()`.
 * @param {object} [options.client] - Options of the client.
 * @param {boolean} [options.clock]
 * @param {(page: import("playwright-core").Page) => Promise<void>} [options.before]
 */
export async function faultPage(the, url, { allow, before, clock = true, client = {} } = {}) {
  const { server, opened, page, watch } = await plainPage(the, { allow, before, clock });
  await page.evaluate(makeClient, { url, options: client });
  return new FaultPage(server, opened, page, watch);
}

/**
 * Starts a fault server and opens a page whose client is connected to it.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {Parameters<typeof faultPage>[2]} [options]
 */
export async function connectedPage(the, options) {
  const fault = await the.faultServer();
  const ada = await faultPage(the, fault.ws, options);
  await ada.connect();
  await ada.isIn("connected");
  return { fault, ada };
}

/** Runs in the page. */
function makeClient({ url, options }) {
  const client = window.clientOf("ada", { url, ...options });
  const told = { states: [], reasons: [], errors: [], messages: [], tokens: [], outcome: undefined };
  client.on("state", ({ current, reason }) => {
    told.states.push(current);
    told.reasons.push(reason ?? "");
  });
  client.on("error", (error) => told.errors.push(window.described(error)));
  client.on("message", ({ data }) => told.messages.push(data));
  client.on("token", ({ event }) => told.tokens.push(event));
  Object.assign(window, { client, told });
}

class FaultPage {
  constructor(server, opened, page, watch) {
    Object.assign(this, { server, opened, page, watch });
  }

  /** Begins to connect. */
  async connect() {
    await this.page.evaluate(() => {
      void window.outcome(window.client.connect()).then((outcome) => {
        window.told.outcome = outcome;
      });
    });
  }

  async pass(ms) {
    await this.opened.pass(ms);
  }

  /** Waits until the socket has opened. */
  async isOpen() {
    await until("the socket is open", async () => (await this.status()).readyState === 1);
  }

  async status() {
    return await this.page.evaluate(() => window.client.status);
  }

  async told() {
    return await this.page.evaluate(() => window.told);
  }

  /** Waits for a state, and for the number of an attempt where one is given; returns the status. */
  async isIn(state, attempt) {
    return await until(`the state ${state} (${attempt ?? "any attempt"})`, async () => {
      const status = await this.status();
      const isIt = status.state === state && (attempt === undefined || status.attempt === attempt);
      return isIt && status;
    });
  }
}
