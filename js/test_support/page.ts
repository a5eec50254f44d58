/** A page that jsdom makes: what React and the panels are tested in. What a browser adds is in tests/e2e. */

import { createRequire } from "node:module";
import { after } from "node:test";

// It has no types of its own.
const { JSDOM } = createRequire(import.meta.url)("jsdom") as {
  JSDOM: new (html: string) => { readonly window: Window & typeof globalThis };
};

/** Makes the page; it goes after the tests of the file. */
export function makePage(): Window & typeof globalThis {
  const { window } = new JSDOM("<!doctype html><main></main>");
  after(() => window.close());
  return window;
}

/** The same, as the page of this process: before React is loaded, which looks for it then. */
export function makePageForReact(): Window & typeof globalThis {
  const window = makePage();
  Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
  // Later versions of Node.js have one of their own, which cannot be assigned.
  Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
  return window;
}
