/** What React does in a page, in one that jsdom makes. What a browser adds is in tests/e2e. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import type { ReactElement } from "react";
import type { Root } from "react-dom/client";

import type { Client } from "./client.js";

// It has no types of its own.
const { JSDOM } = createRequire(import.meta.url)("jsdom") as {
  JSDOM: new (html: string) => { readonly window: Window };
};
const { window } = new JSDOM("<!doctype html><main></main>");
const page = globalThis as Record<string, unknown>;
Object.assign(page, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
// Later versions of Node.js have one of their own, which cannot be assigned.
Object.defineProperty(page, "navigator", { value: window.navigator, configurable: true });
after(() => window.close());

// React looks for the page when it is loaded.
const { act, useState } = await import("react");
const { createRoot } = await import("react-dom/client");
const { createClient } = await import("./client.js");
const { ConnectionProvider, useConnection, useMessages } = await import("./react.js");
const { freedAfter } = await import("./test_support/clients.js");
const { StandInSocket } = await import("./test_support/stand_in_socket.js");

const OPTIONS = { url: "wss://example.com/ws", WebSocket: StandInSocket, releaseAfterMs: 0 };

test("a hook connects while it is mounted, renders every change, and lets go", async () => {
  const client = freedAfter(createClient(OPTIONS));
  const main = window.document.createElement("main");
  const root = createRoot(main);
  await render(root, client, <Shown />);
  assert.equal(main.textContent, "connecting");
  await act(() => StandInSocket.last.connects());
  assert.equal(main.textContent, "connected");

  await act(() => root.unmount());
  await pause();
  assert.equal(client.state, "closing");
});

test("messages reach the listener of the last render, and the connection is held for them", async () => {
  const client = freedAfter(createClient(OPTIONS));
  const heard: string[] = [];
  let rename: (name: string) => void = () => {};
  const see = (set: typeof rename): void => {
    rename = set;
  };
  const Listener = (): null => {
    const [name, setName] = useState("first");
    see(setName);
    useMessages(({ data }) => heard.push(`${name} ${String(data)}`));
    return null;
  };
  const main = window.document.createElement("main");
  const root = createRoot(main);
  await render(root, client, <Listener />);
  await act(() => StandInSocket.last.connects());
  StandInSocket.last.receives('{"type":"message"}\n1');
  await act(() => rename("second"));
  StandInSocket.last.receives('{"type":"message"}\n2');
  assert.deepEqual(heard, ["first 1", "second 2"]);

  await act(() => root.unmount());
  StandInSocket.last.receives('{"type":"message"}\n3');
  await pause();
  assert.equal(heard.length, 2);
  assert.equal(client.state, "closing");
});

test("another client in the provider is held and heard in place of the first", async () => {
  const [first, second] = [createClient(OPTIONS), createClient(OPTIONS)].map(freedAfter);
  const heard: unknown[] = [];
  const Listener = (): null => {
    useMessages(({ data }) => heard.push(data));
    useConnection();
    return null;
  };
  const main = window.document.createElement("main");
  const root = createRoot(main);
  for (const client of [first, second]) {
    assert.ok(client !== undefined);
    await render(root, client, <Listener />);
    await act(() => StandInSocket.last.connects());
    StandInSocket.last.receives('{"type":"message"}\n"heard"');
  }
  await pause();

  assert.deepEqual(heard, ["heard", "heard"]);
  assert.deepEqual([first?.state, second?.state], ["closing", "connected"]);
  await act(() => root.unmount());
});

test("a client that a provider has made is freed after it, and made anew for another url", async () => {
  const asked: string[] = [];
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const renderFor = async (url: string, token: string): Promise<void> => {
    const getToken = (): string => {
      asked.push(token);
      return token;
    };
    await act(() =>
      root.render(
        // It is freed, and not only let go of: that would take a minute.
        <ConnectionProvider options={{ ...OPTIONS, url, getToken, releaseAfterMs: 60_000 }}>
          <Shown />
        </ConnectionProvider>,
      ),
    );
  };
  await renderFor("wss://example.com/one", "t1");
  await act(() => StandInSocket.last.connects());
  const one = StandInSocket.last;
  await renderFor("wss://example.com/one", "t2");
  await act(async () => {
    one.closes(4401);
    await pause();
  });
  assert.deepEqual(asked, ["t1", "t2"], "the getToken of the last render is asked");
  const again = StandInSocket.last;
  await act(() => again.connects());

  await renderFor("wss://example.com/two", "t3");
  await act(() => StandInSocket.last.connects());
  assert.equal(StandInSocket.last.url, "wss://example.com/two");
  await pause();
  assert.deepEqual(again.closed, [1000, ""]);

  await act(() => root.unmount());
  await pause();
  assert.deepEqual(StandInSocket.last.closed, [1000, ""]);
});

test("the actions of the hook are those of the client", async () => {
  const client = freedAfter(createClient(OPTIONS));
  const main = window.document.createElement("main");
  const root = createRoot(main);
  let actions = {} as ReturnType<typeof useConnection>;
  const see = (connection: typeof actions): void => {
    actions = connection;
  };
  const Actor = (): null => {
    see(useConnection());
    return null;
  };
  await render(root, client, <Actor />);
  const connecting = actions.connect();
  await act(() => StandInSocket.last.connects());
  await connecting;

  const settled = [actions.join("tea"), actions.publish("tea", 1)];
  const [join, publish] = StandInSocket.last.sent;
  assert.match(String(join), /"join"/);
  assert.match(String(publish), /"publish"/);
  StandInSocket.last.receives('{"type":"ack","id":1}');
  StandInSocket.last.receives('{"type":"ack","id":2}');
  await Promise.all(settled);
  const leaving = actions.leave("tea");
  assert.match(String(StandInSocket.last.sent[2]), /"leave"/);
  await assert.rejects(actions.connect({ signal: AbortSignal.abort() }), { code: "aborted" });
  StandInSocket.last.receives('{"type":"ack","id":3}');
  await leaving;
  await act(() => root.unmount());
});

async function render(root: Root, client: Client, children: ReactElement): Promise<void> {
  await act(() => root.render(<ConnectionProvider client={client}>{children}</ConnectionProvider>));
}

function Shown(): string {
  return useConnection().state;
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
