import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { hasFragment, hasSocketScheme, parseUrl, resolveUrl, toWebSocket } from "./url.js";

const page = globalThis as { location?: unknown; origin?: unknown };

afterEach(() => {
  delete page.location;
  delete page.origin;
});

test("a path is resolved on the page's origin, and a whole URL is left alone", () => {
  page.location = { origin: "https://app.example:8443", href: "https://app.example:8443/a/b" };
  assert.equal(resolveUrl("/ws?x=1"), "wss://app.example:8443/ws?x=1");
  assert.equal(resolveUrl("ws://other.example/http"), "ws://other.example/http");
});

test("a page without an origin of its own has one all the same, or none", () => {
  // `srcdoc` and `blob:` have the origin of their maker; a sandboxed frame has only a URL.
  page.location = { origin: "null", href: "about:srcdoc" };
  page.origin = "http://maker.example";
  assert.equal(resolveUrl("/ws"), "ws://maker.example/ws");

  page.location = { origin: "null", href: "http://framed.example/deep/page" };
  page.origin = "null";
  assert.equal(resolveUrl("/ws"), "ws://framed.example/ws");

  page.location = { origin: "null", href: "about:blank" };
  assert.throws(() => resolveUrl("/ws"), { code: "unsupported", message: /Write the whole URL/ });
  // Nothing else may be resolved against what is no page.
  page.location = { origin: "file:///http", href: "file:///http" };
  assert.throws(() => resolveUrl("/ws"), { code: "unsupported" });
});

test("schemes and fragments are known", () => {
  const url = (text: string): URL => new URL(text);

  for (const good of ["ws://a/", "wss://a/", "http://a/", "https://a/"]) {
    assert.ok(hasSocketScheme(url(good)), good);
  }
  assert.ok(!hasSocketScheme(url("ftp://a/")));
  assert.deepEqual([hasFragment(url("ws://a/#")), hasFragment(url("ws://a/"))], [true, false]);
  assert.equal(toWebSocket(url("https://http.example/http")), "wss://http.example/http");
  assert.equal(toWebSocket(url("ws://http.example/")), "ws://http.example/");
  assert.equal(parseUrl("::"), undefined);
});
