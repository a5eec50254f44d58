/** What an application of react-use-websocket finds, in a page that jsdom makes. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import type { ReactNode } from "react";

import type { UseWebSocketOptions, WebSocketHook } from "./compat.js";
import { makePageForReact } from "./test_support/page.js";

const window = makePageForReact();

// React looks for the page when it is loaded.
const { act, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");
const { renderToString } = await import("react-dom/server");
const { ReadyState, useWebSocket } = await import("./compat.js");
const { clientFor } = await import("./shared_clients.js");
const { TestServer } = await import("./testing.js");

let server = new TestServer();
let giveBack = server.install();
let number = 0;
afterEach(() => {
  giveBack();
  server = new TestServer();
  giveBack = server.install();
});

/** Renders components with the hook, each with its options; returns what each has last returned. */
async function mounted(url: string | null, all: UseWebSocketOptions[], connect?: boolean) {
  const found: WebSocketHook[] = [];
  const Component = ({ at, options }: { at: number; options: UseWebSocketOptions }): null => {
    found[at] = useWebSocket(url, options, connect);
    return null;
  };
  const root = createRoot(window.document.createElement("main"));
  const render = async (options: UseWebSocketOptions[]): Promise<void> =>
    await act(async () => {
      root.render(options.map((each, at) => <Component key={at} at={at} options={each} />));
      await pause();
    });
  await render(all);
  return { found, render, unmount: async () => await act(() => root.unmount()) };
}

/** Waits for what timers bring about, however busy the machine is. */
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds() && Date.now() < end) await pause();
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

function freshUrl(): string {
  number += 1;
  return `wss://app.example/${number}`;
}

test("two components have one socket, send, and hear the same", async () => {
  const told: string[] = [];
  const options: UseWebSocketOptions = {
    onOpen: () => told.push("open"),
    onMessage: ({ data }) => told.push(`message ${String(data)}`),
    onClose: () => told.push("close"),
    filter: ({ data }) => data !== "dull",
    queryParams: { room: 1 },
    protocols: "chat",
  };
  const url = freshUrl();
  const { found, unmount } = await mounted(url, [options, { queryParams: { room: 1 }, protocols: ["chat"] }]);
  const [first, second] = found as [WebSocketHook, WebSocketHook];
  assert.deepEqual([first.readyState, second.readyState], [ReadyState.OPEN, ReadyState.OPEN]);
  assert.equal(server.opened, 1);

  await act(async () => {
    first.sendMessage("a text");
    second.sendJsonMessage({ a: 1 });
    server.send('{"b":2}');
    server.send("dull");
    await pause();
  });
  assert.deepEqual(server.accepted.map(({ data }) => data), ["a text", '{"a":1}']);
  assert.deepEqual([found[0]?.lastJsonMessage, found[0]?.lastMessage], [{ b: 2 }, { data: '{"b":2}' }]);
  assert.deepEqual([found[1]?.lastJsonMessage, found[1]?.lastMessage], [null, { data: "dull" }]);
  await act(() => server.drop());
  assert.equal(found[0]?.readyState, ReadyState.CLOSED);
  assert.deepEqual(told, ["open", 'message {"b":2}', "message dull", "close"]);
  await unmount();
  clientFor({ url: `${url}?room=1`, wire: { protocols: () => ["chat"] } }).free();
});

test("without a URL, and where it is not to connect, there is nothing", async () => {
  for (const [url, connect] of [[null, true], [freshUrl(), false]] as const) {
    const { found, unmount } = await mounted(url, [{}], connect);
    assert.equal(found[0]?.readyState, ReadyState.UNINSTANTIATED);
    found[0]?.sendMessage("into nothing", false);
    await unmount();
  }
  assert.equal(server.opened, 0);
});

test("a server renders it, and makes nothing", () => {
  const Component = (): string => String(useWebSocket(() => assert.fail("it was asked for the url")).readyState);

  assert.equal(renderToString(<Component />), "-1");
});

test("what is not to be come back from is final, and the attempts have an end", async () => {
  const stopped: number[] = [];
  const url = freshUrl();
  const options: UseWebSocketOptions = {
    reconnectAttempts: 2,
    reconnectInterval: 1,
    shouldReconnect: ({ code }) => code !== 4000,
    onReconnectStop: (attempts) => stopped.push(attempts),
    heartbeat: { message: "are you there", returnMessage: "yes", interval: 1000, timeout: 1000 },
  };
  const { found, unmount } = await mounted(url, [options]);
  server.isReachable = false;
  await act(async () => {
    server.drop();
    await until(() => stopped.length > 0);
  });
  assert.deepEqual([found[0]?.readyState, stopped], [ReadyState.CLOSED, [2]]);
  await unmount();
  assert.throws(() => found[0]?.sendMessage("too late"), { code: "closed" });
  found[0]?.sendMessage("too late", false);
});

test("each message is seen by effects, however many come at once, and in order", async () => {
  const url = freshUrl();
  const seen: unknown[][] = [[], []];
  const Component = ({ at }: { at: number }): ReactNode => {
    const { lastJsonMessage } = useWebSocket(url);
    useEffect(() => {
      if (lastJsonMessage !== null) seen[at]?.push(lastJsonMessage);
    }, [at, lastJsonMessage]);
    return null;
  };
  const root = createRoot(window.document.createElement("main"));
  await act(async () => {
    root.render([<Component key="0" at={0} />, <Component key="1" at={1} />]);
    await pause();
  });

  const all = Array.from({ length: 20 }, (_, number) => number);
  await act(async () => {
    for (const number of all) server.send(String(number));
    await pause();
  });

  assert.deepEqual(seen, [all, all]);
  await act(async () => {
    server.send("20");
    await pause();
  });
  assert.deepEqual(seen.map((list) => list.at(-1)), [20, 20]);
  await act(() => root.unmount());
});

test("what onOpen sends goes before what waits, at each connection; what waits is kept", async () => {
  const url = freshUrl();
  server.isReachable = false;
  let sendNow: WebSocketHook["sendMessage"] = () => {};
  const options = { onOpen: () => sendNow("auth"), reconnectInterval: 1, reconnectAttempts: 100 };
  const { found, unmount } = await mounted(url, [options]);
  sendNow = (found[0] as WebSocketHook).sendMessage;
  sendNow("one");
  sendNow("two");
  sendNow("dropped", false);
  const sent = (): unknown[] => server.accepted.map(({ data }) => data);

  server.isReachable = true;
  await act(async () => await until(() => sent().length >= 3));
  assert.deepEqual(sent(), ["auth", "one", "two"]);

  await act(async () => {
    server.drop();
    sendNow("three");
    await until(() => sent().length >= 5);
  });
  assert.deepEqual(sent(), ["auth", "one", "two", "auth", "three"]);
  await unmount();
});

test("a state has its name", () => {
  assert.equal(ReadyState[ReadyState.OPEN], "OPEN");
  assert.equal(ReadyState[-1], "UNINSTANTIATED");
  assert.deepEqual([ReadyState.CONNECTING, ReadyState.CLOSING, ReadyState.CLOSED], [0, 2, 3]);
});
