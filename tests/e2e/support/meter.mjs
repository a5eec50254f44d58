/**
 * What a page holds on to: its heap, the wasm's memory, sockets and clients, listeners on the page,
 * timers.
 */

import { until } from "./wait.mjs";

/**
 * Watches a page from before it is loaded: hand `before` to `open()`, then ask `read()`. The page has
 * a client as `window.client`.
 */
export class Meter {
  #page;
  #devtools;

  /** @param {import("playwright-core").Page} page */
  before = async (page) => {
    this.#page = page;
    this.#devtools = await page.context().newCDPSession(page);
    await this.#devtools.send("HeapProfiler.enable");
    await page.addInitScript(count);
  };

  /** Counts what is held when every socket is open or gone, and all that can be collected has been. */
  async read() {
    await until("no socket is on its way", () =>
      this.#page.evaluate(() =>
        window.onesocketLedger.sockets().every(({ readyState }) => readyState === WebSocket.OPEN),
      ),
    );
    const send = (method, params) => this.#devtools.send(method, params);
    await collectGarbage(send);
    const sockets = await countAlive(send, "WebSocket.prototype");
    const clients = await countAlive(send, "Object.getPrototypeOf(window.client)");
    const { usedSize } = await this.#devtools.send("Runtime.getHeapUsage");
    const { wasmBytes, listeners, timers } = await this.#page.evaluate(() => window.held());
    return { heapBytes: usedSize, wasmBytes, sockets, clients, listeners, timers };
  }
}

/**
 * Collects all that can be collected.
 *
 * @param {(method: string, params?: object) => Promise<any>} send - Sends to a page.
 */
export async function collectGarbage(send) {
  // What is freed by one collection may have kept what the next one frees.
  for (let time = 0; time < 3; time += 1) await send("HeapProfiler.collectGarbage");
}

/**
 * Counts the objects with a prototype that have not been collected.
 *
 * @param {(method: string, params?: object) => Promise<any>} send - Sends to a page.
 * @param {string} prototype
 */
export async function countAlive(send, prototype) {
  const group = { objectGroup: "meter" };
  const { result } = await send("Runtime.evaluate", { expression: prototype, ...group });
  const { objects } = await send("Runtime.queryObjects", { prototypeObjectId: result.objectId, ...group });
  const counted = await send("Runtime.callFunctionOn", {
    objectId: objects.objectId,
    functionDeclaration: "function () { return this.length; }",
    returnByValue: true,
  });
  await send("Runtime.releaseObjectGroup", group);
  return counted.result.value;
}

/** Runs in the page, before any script of its own. */
function count() {
  const memories = new Set();
  WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...args) {
      super(...args);
      const isMemory = (exported) => exported instanceof WebAssembly.Memory;
      memories.add(Object.values(this.exports).find(isMemory));
    }
  };
  let listeners = 0;
  for (const target of [window, document]) {
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = function add(...args) {
      listeners += 1;
      addEventListener.apply(this, args);
    };
    target.removeEventListener = function remove(...args) {
      listeners -= 1;
      removeEventListener.apply(this, args);
    };
  }
  const timers = new Set();
  const { setTimeout, clearTimeout } = window;
  window.setTimeout = (work, ms, ...args) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work(...args);
    }, ms);
    timers.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => {
    timers.delete(timer);
    clearTimeout(timer);
  };
  window.held = () => ({
    wasmBytes: [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    listeners,
    timers: timers.size,
  });
}
