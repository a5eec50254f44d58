/** One browser for each test file, and pages in it that are watched. */

import { after } from "node:test";

import { chromium } from "playwright-core";

import { BROWSER } from "./paths.mjs";
import { LIMIT } from "./wait.mjs";
import { Watch } from "./watch.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-domain-reliability",
  "--metrics-recording-only",
  // A name for this machine that is not loopback's, for pages that ask whether they are online.
  "--host-resolver-rules=MAP onesocket.test 127.0.0.1",
];

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
 * @param {(page: import("playwright-core").Page) => Promise<void>} [options.before] - What is to be
 *   done before the page is loaded.
 */
export async function open(url, { clock = false, allow = [], before } = {}) {
  const context = await (await browser()).newContext();
  context.setDefaultTimeout(LIMIT);
  try {
    if (clock) {
      await context.clock.install({ time: DAWN });
      await context.clock.pauseAt(DAWN + 60_000);
    }
    const page = await context.newPage();
    const watch = new Watch(page, allow);
    await before?.(page);
    await page.goto(url);
    return new Opened(context, page, watch);
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** A page and what was seen of it. Going away, it fails if there was anything wrong. */
class Opened {
  #context;

  constructor(context, page, watch) {
    this.#context = context;
    this.page = page;
    this.watch = watch;
  }

  /** Lets time pass on the page's virtual clock. */
  async pass(ms) {
    await this.page.clock.runFor(ms);
  }

  /** Closes the page. */
  async end() {
    await this.#context.close();
    this.watch.verify();
  }

  /** What helps to understand a failure. */
  tell() {
    return ["the page's console:", ...this.watch.console.slice(-25)];
  }
}
