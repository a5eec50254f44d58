/** One browser for each test file, and pages in it that are watched. */

import { after } from "node:test";

import { chromium } from "playwright-core";

import { FLAGS } from "./flags.mjs";
import { BROWSER } from "./paths.mjs";
import { LIMIT } from "./wait.mjs";
import { Watch } from "./watch.mjs";

/** When virtual clocks begin: any time will do, as long as it is the same one each time. */
const DAWN = Date.UTC(2030, 0, 1);

let launched;

after(async () => {
  await (await launched)?.close();
});

function browser() {
  launched ??= chromium.launch({ executablePath: BROWSER, args: FLAGS });
  return launched;
}

/**
 * Opens a page in a browser context of its own: nobody else's cookies, storage or cache.
 *
 * @param {string} url
 * @param {object} [options]
 * @param {boolean} [options.clock] - Whether time in the page stands still but for
 *   `page.clock.runFor()`. Sockets and requests stay real.
 * @param {RegExp[]} [options.allow] - Console errors that are no failure: see `Watch.allow()`.
 * @param {boolean} [options.keeps] - See `Watch.begin()`.
 * @param {string[]} [options.steps] - See `Watch.begin()`.
 * @param {boolean} [options.ignoreHTTPSErrors] - Whether a certificate of the test's own is good enough.
 * @param {(page: import("playwright-core").Page) => Promise<void>} [options.before] - What is to be
 *   done before the page is loaded.
 */
export async function open(url, { clock = false, ignoreHTTPSErrors = false, before, ...watching } = {}) {
  const context = await (await browser()).newContext({ ignoreHTTPSErrors });
  context.setDefaultTimeout(LIMIT);
  try {
    if (clock) {
      await context.clock.install({ time: DAWN });
      await context.clock.pauseAt(DAWN + 60_000);
    }
    const page = await context.newPage();
    const watch = await Watch.begin(page, watching);
    await before?.(page);
    await page.goto(url);
    return new Opened(context, page, watch, clock);
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** A page and what was seen of it. Going away, it fails if there was anything wrong. */
class Opened {
  #context;
  #hasClock;

  constructor(context, page, watch, hasClock) {
    this.#context = context;
    this.#hasClock = hasClock;
    this.page = page;
    this.watch = watch;
  }

  /** Lets time pass on the page's virtual clock. */
  async pass(ms) {
    await this.page.clock.runFor(ms);
  }

  /** Frees the page's clients and closes it. */
  async end() {
    try {
      await this.watch.end(this.#hasClock ? (ms) => this.pass(ms) : undefined);
    } finally {
      await this.#context.close();
    }
    this.watch.verify();
  }

  /** What helps to understand a failure. */
  tell() {
    return ["the page's console:", ...this.watch.console.slice(-25)];
  }
}
