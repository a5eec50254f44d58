/**
 * Tabs as a person has them: in front, behind another one, frozen, left and come back to. They are
 * watched as all pages are.
 */

import { EventEmitter, once } from "node:events";
import process from "node:process";

import { startDevtools } from "./devtools.mjs";
import { FLAGS } from "./flags.mjs";
import { collectGarbage, countAlive } from "./meter.mjs";
import { until, within } from "./wait.mjs";
import { Watch } from "./watch.mjs";

/**
 * Starts a browser with one window and no tab that matters. It ends with the test.
 *
 * @param {import("./scene.mjs").Tools} the
 */
export async function startTabs(the) {
  return the.use(new Tabs(await startDevtools(FLAGS)));
}

class Tabs {
  #devtools;

  constructor(devtools) {
    this.#devtools = devtools;
  }

  /**
   * Opens a page in a tab in front of the others.
   *
   * @param {import("./scene.mjs").Tools} the
   * @param {string} url
   * @param {object} [options] - Those of `Watch.begin()`, and:
   * @param {boolean} [options.window] - Whether it has a window of its own: it stays seen then, and so do the
   *   others.
   */
  async open(the, url, { window = false, ...watching } = {}) {
    const tab = new Tab(await this.#devtools.newTab(window));
    await tab.begin();
    tab.watch = await Watch.begin(tab, watching);
    await tab.goto(url);
    return the.use(tab);
  }

  /** Returns the seconds for which each process has worked: see `Tab.process()`. */
  async worked() {
    return await this.#devtools.worked();
  }

  /** Puts a tab in front of all: each that was open before is hidden, and knows it. */
  async hide(...tabs) {
    const front = await this.#devtools.newTab();
    await front.activate();
    for (const tab of tabs) await tab.sees("hidden");
  }

  async end() {
    await this.#devtools.end();
  }
}

/** A page in a tab; to its watch it is what Playwright calls one. */
export class Tab extends EventEmitter {
  /** @type {Watch} */
  watch;
  #session;
  /** It was closed, or has crashed. */
  #isGone = false;
  /** The id of its process, once it was asked for. */
  #process;
  #isStopped = false;

  constructor(session) {
    super();
    this.#session = session;
    const on = (method, take) => session.on(method, take);
    on("Network.webSocketCreated", ({ url }) => this.emit("websocket", { url: () => url }));
    on("Network.webSocketFrameReceived", ({ response }) => this.emit("frame", response.payloadData));
    on("Network.requestWillBeSent", ({ request }) => {
      this.emit("request", { url: () => request.url });
    });
    on("Runtime.exceptionThrown", ({ exceptionDetails: { text, exception } }) => {
      this.emit("pageerror", new Error(exception?.description ?? text));
    });
    on("Runtime.consoleAPICalled", ({ type, args, stackTrace }) => {
      const text = args.map(({ value, description }) => value ?? description).join(" ");
      this.#tellLine(type, text, stackTrace?.callFrames[0]?.url);
    });
    on("Log.entryAdded", ({ entry }) => this.#tellLine(entry.level, entry.text, entry.url));
    on("Inspector.targetCrashed", () => this.#isGone || this.emit("crash"));
  }

  async begin() {
    for (const domain of ["Page", "Runtime", "Network", "Log", "Inspector"]) {
      await this.#session.send(`${domain}.enable`);
    }
  }

  async addInitScript(script, given) {
    const source = `(${script})(${JSON.stringify(given)})`;
    await this.#session.send("Page.addScriptToEvaluateOnNewDocument", { source });
  }

  /** Loads a page. */
  async goto(url) {
    const loaded = within(once(this.#session, "Page.loadEventFired"), `the page ${url}`);
    await this.#session.send("Page.navigate", { url });
    await loaded;
  }

  /** Goes back to the page before this one. */
  async goBack() {
    const { currentIndex, entries } = await this.#session.send("Page.getNavigationHistory");
    const shown = within(once(this.#session, "Page.frameNavigated"), "the page before");
    await this.#session.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex - 1].id });
    const [{ type }] = await shown;
    return type;
  }

  frames() {
    return [this];
  }

  /**
   * Runs a function in the page and returns what it returns.
   *
   * @template A, R
   * @param {(given: A) => R} work
   * @param {A} [given]
   * @returns {Promise<Awaited<R>>}
   */
  async evaluate(work, given) {
    const { result, exceptionDetails } = await this.#session.send("Runtime.evaluate", {
      expression: `(${work})(${given === undefined ? "" : JSON.stringify(given)})`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description);
    return result.value;
  }

  /** Loads the page anew. */
  async reload() {
    const loaded = within(once(this.#session, "Page.loadEventFired"), "the page again");
    await this.#session.send("Page.reload");
    await loaded;
  }

  /** Closes it, as a person does. Nothing is left that could be looked at. */
  async close() {
    this.#isGone = true;
    await this.#session.close();
  }

  /** Has its process end without a word. */
  async crash() {
    this.#isGone = true;
    // Nobody is left who could answer.
    this.#session.tell("Page.crash");
  }

  /** Puts it in front of the other tabs. */
  async activate() {
    await this.#session.activate();
    await this.sees("visible");
  }

  /** Freezes it, as a browser does with a tab that was hidden for minutes. */
  async freeze() {
    await this.#session.send("Page.setWebLifecycleState", { state: "frozen" });
  }

  /** Lets it run again. */
  async resume() {
    await this.#session.send("Page.setWebLifecycleState", { state: "active" });
  }

  /** Stops its process, with no event that would tell the page: for as long as it likes a machine does that. */
  async stop() {
    process.kill(await this.process(), "SIGSTOP");
    this.#isStopped = true;
  }

  /** Is told no more of what goes over its sockets: that would cost the page something for each message. */
  async ignoreNetwork() {
    await this.#session.send("Network.disable");
  }

  /** Returns the id of its process, which is its own alone. */
  async process() {
    this.#process ??= await this.#session.process();
    return this.#process;
  }

  /** Lets its process go on. */
  continue() {
    process.kill(this.#process, "SIGCONT");
    this.#isStopped = false;
  }

  /**
   * Counts what the page keeps, once all that can be collected has been: the bytes of its heap, and the objects of
   * these classes.
   *
   * @param {string[]} classes
   */
  async keeps(classes) {
    const send = (method, params) => this.#session.send(method, params);
    await collectGarbage(send);
    const objects = {};
    for (const name of classes) objects[name] = await countAlive(send, `${name}.prototype`);
    const { usedSize } = await send("Runtime.getHeapUsage");
    return { heapBytes: usedSize, objects };
  }

  /** Waits until the page knows whether it is seen. */
  async sees(visibility) {
    await until(`the tab is ${visibility}`, async () => {
      return (await this.evaluate(() => document.visibilityState)) === visibility;
    });
  }

  /** Frees the page's clients. The tab goes with its browser. */
  async end() {
    if (this.#isStopped) this.continue();
    if (!this.#isGone) await this.watch.end();
    this.watch.verify();
  }

  /** What helps to understand a failure. */
  tell() {
    return ["the tab's console:", ...this.watch.console.slice(-25)];
  }

  #tellLine(type, text, url = "") {
    this.emit("console", { type: () => type, text: () => text, location: () => ({ url }) });
  }
}
