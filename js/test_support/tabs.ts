/** What tabs need of a browser, in Node. */

import { setImmediate, setTimeout } from "node:timers/promises";

import { StandInLocks } from "./stand_in_locks.js";

/** Gives the page something under a name; returns what takes it away again. */
export function give(name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) delete (globalThis as unknown as Record<string, unknown>)[name];
    else Object.defineProperty(globalThis, name, before);
  };
}

/** Gives the page a `navigator` with locks that nobody holds; returns what takes it away again. */
export function giveLocks(): () => void {
  return give("navigator", { locks: new StandInLocks(), onLine: true });
}

/** Until channels and locks have come to rest. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    await setImmediate();
    await setTimeout(2);
  }
}
