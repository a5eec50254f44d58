/** The page of `fixtures/react`, built with the development build of React. */

import { join } from "node:path";
import process from "node:process";

import { build, makeApp } from "./app.mjs";
import { FIXTURES } from "./paths.mjs";
import { until } from "./wait.mjs";

let built;

/** Builds the page, once in a file, and returns its folder. */
export function reactSite() {
  built ??= make();
  return built;
}

async function make() {
  const app = makeApp("react");
  process.once("exit", () => app.remove());
  return await build(app.copy(join(FIXTURES, "react")).install(), "development");
}

/**
 * Opens the page for a user.
 *
 * @param {typeof import("./browser.mjs").open} openPage - The test's `open`.
 * @param {{ url: string }} server
 * @param {Record<string, string>} parameters - `user`, and what is to be mounted.
 * @param {Parameters<typeof import("./browser.mjs").open>[1]} [options]
 */
export async function openReact(openPage, server, parameters, options) {
  const url = `${server.url}/?${new URLSearchParams(parameters)}`;
  return new ReactPage(await openPage(url, options));
}

class ReactPage {
  constructor(opened) {
    this.opened = opened;
    this.page = opened.page;
    this.watch = opened.watch;
  }

  async pass(ms) {
    await this.opened.pass(ms);
  }

  /** Mounts components below so many of the providers, and unmounts the others. */
  async show(providers) {
    await this.page.evaluate((shown) => window.show(shown), providers);
  }

  async status() {
    return await this.page.evaluate(() => window.client.status);
  }

  async isIn(state) {
    await until(`the state ${state}`, async () => (await this.status()).state === state);
    return await this.status();
  }

  async seen() {
    return await this.page.evaluate(() => window.seen);
  }

  /** The states that the components show. */
  async shown() {
    const components = this.page.getByTestId("component");
    return await components.evaluateAll((all) => all.map((one) => one.dataset.state));
  }
}
