/** The demo page, as a person uses it. */

import { until } from "./wait.mjs";

/**
 * Opens the demo page and signs in.
 *
 * @param {typeof import("./browser.mjs").open} openPage - The test's `open`.
 * @param {{ url: string }} server
 * @param {string} user
 * @param {Parameters<typeof import("./browser.mjs").open>[1]} [options]
 */
export async function signIn(openPage, server, user, options) {
  const demo = new Demo(await openPage(server.url, options));
  await demo.part("name-input").fill(user);
  await demo.click("sign-in-button");
  return demo;
}

/** The demo page, opened. */
export class Demo {
  /** @param {{ page: import("playwright-core").Page, watch?: import("./watch.mjs").Watch }} opened */
  constructor(opened) {
    this.opened = opened;
    this.page = opened.page;
    this.watch = opened.watch;
  }

  /** A part of the page, by its `data-testid`. */
  part(id) {
    return this.page.getByTestId(id);
  }

  async click(id) {
    await this.part(id).click();
  }

  /** Clicks what closes the window, which may be gone before the click has been told to be done. */
  async clickToClose(id) {
    const closed = this.page.waitForEvent("close");
    await this.part(id)
      .click()
      .catch((error) => {
        if (!this.page.isClosed()) throw error;
      });
    await closed;
  }

  async text(id) {
    return (await this.part(id).textContent())?.trim();
  }

  /** Waits until a part shows exactly this. */
  async shows(id, text) {
    await until(`${id} shows ${text}`, async () => (await this.text(id)) === text);
  }

  async join(room) {
    await this.part("room-input").fill(room);
    await this.click("join-button");
    await this.shows("joined-room", room);
  }

  async say(text) {
    await this.part("message-input").fill(text);
    await this.click("send-button");
  }

  /** The client's status, to the millisecond, with the page's time. */
  async status() {
    return await this.page.evaluate(() => ({ ...window.onesocketClient.status, now: Date.now() }));
  }
}
