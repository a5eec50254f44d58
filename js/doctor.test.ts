import assert from "node:assert/strict";
import { test } from "node:test";

import { makePage } from "./test_support/page.js";

const window = makePage();

/** A socket that a test opens and closes. */
class Socket extends EventTarget {
  static readonly CONNECTING = 0;
  readyState = 0;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
  }

  opens(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  close(): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code: 1006 }));
  }
}

Object.assign(globalThis, { WebSocket: Socket, document: window.document });
const { doctor } = await import("./doctor.js");
const panel = (): Element | null => window.document.querySelector("[data-onesocket-doctor]");

function ChatWindow(): Socket {
  const openSocket = (): Socket => new WebSocket("wss://ada:pass@app.example/ws?token=secret") as unknown as Socket;
  return openSocket();
}

test("each socket is seen with its maker; duplicates and early closes are named, once and without tokens", (context) => {
  const warn = context.mock.method(console, "warn", () => {});
  const table = context.mock.method(console, "table", () => {});

  const first = ChatWindow();
  first.opens();
  const second = ChatWindow();
  ChatWindow();
  second.close();
  first.close();
  const alone = new WebSocket("wss://app.example/other") as unknown as Socket;

  assert.ok(alone instanceof Socket && WebSocket.CONNECTING === 0);
  const seen = doctor.sockets.map(({ url, madeBy, isDuplicate, wasClosedEarly, code }) => [
    url,
    madeBy,
    isDuplicate,
    wasClosedEarly,
    code,
  ]);
  const url = "wss://app.example/ws";
  assert.deepEqual(seen.slice(0, 3), [
    [url, "ChatWindow", false, false, 1006],
    [url, "ChatWindow", true, true, 1006],
    [url, "ChatWindow", true, false, undefined],
  ]);
  assert.equal(seen[3]?.[2], false);
  assert.equal(doctor.report(), "4 made, 2 open to 2 URLs, 2 duplicates, 1 closed while connecting");
  assert.equal(table.mock.callCount(), 1);
  assert.deepEqual(
    warn.mock.calls.map((call) => call.arguments),
    [[`🔌 onesocket/doctor: 2 sockets to ${url}, made by ChatWindow, ChatWindow`]],
  );
  const told = JSON.stringify([seen, warn.mock.calls, panel()?.textContent]);
  assert.ok(!told.includes("secret") && !told.includes("pass"));
});

test("the panel says what was found, and goes when the doctor stops", () => {
  assert.match(panel()?.textContent ?? "", /^sockets: 4 made, 2 open/);

  doctor.stop();

  assert.equal(panel(), null);
  assert.equal(WebSocket as unknown, Socket);
});
