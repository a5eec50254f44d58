/** What React needs no page for. What it does in one is tested in tests/e2e. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReactElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";

import { type Client, type ClientOptions, createClient } from "./client.js";
import {
  type Connection,
  ConnectionProvider,
  type ConnectionProviderProps,
  useConnection,
  useMessages,
} from "./react.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

const OPTIONS: ClientOptions = { url: "/ws", reconnect: { maxAttempts: 8 } };

function Shown({ see }: { see?: (connection: Connection) => void }): ReactElement {
  const connection = useConnection();
  useMessages(() => {});
  see?.(connection);
  return <p>{`${connection.state} ${connection.readyState} ${connection.maxAttempts}`}</p>;
}

test("a server renders the idle client, from options and from a client, and starts nothing", () => {
  const client = createClient(OPTIONS);

  const html = renderToString(
    <StrictMode>
      <ConnectionProvider options={OPTIONS}>
        <Shown />
      </ConnectionProvider>
      <ConnectionProvider client={client}>
        <Shown />
      </ConnectionProvider>
    </StrictMode>,
  );

  assert.equal(html, "<p>idle 3 8</p><p>idle 3 8</p>");
  assert.equal(client.state, "idle");
});

test("what a server renders does not depend on what the client is doing", () => {
  const client = createClient(OPTIONS);
  void client.close();

  const html = renderToString(
    <ConnectionProvider client={client}>
      <Shown />
    </ConnectionProvider>,
  );

  assert.equal(html, "<p>idle 3 8</p>");
});

test("the actions are those of the client, and the same for all components and renders", async () => {
  const options = { url: "wss://example.com/ws", WebSocket: StandInSocket };
  const client = freedAfter(createClient(options));
  const seen: Connection[] = [];
  const see = (connection: Connection): void => {
    seen.push(connection);
  };

  for (let render = 0; render < 2; render += 1) {
    renderToString(
      <ConnectionProvider client={client}>
        <Shown see={see} />
        <Shown see={see} />
      </ConnectionProvider>,
    );
  }

  assert.equal(seen.length, 4);
  const [first] = seen;
  assert.ok(first !== undefined);
  assert.equal(first.client, client);
  for (const other of seen) {
    for (const name of ["connect", "close", "send", "publish", "join", "leave"] as const) {
      assert.equal(other[name], first[name], name);
    }
  }
  first.send("text");
  assert.equal(client.bufferedAmount, 4);
  await first.close();
  assert.equal(client.state, "closed");
});

test("a hook outside a provider says what to do", () => {
  const Messages = (): null => {
    useMessages(() => {});
    return null;
  };

  const outside = /was called outside a <ConnectionProvider>\. Put one around the component\./;
  assert.throws(() => renderToString(<Shown />), { code: "invalid-options", message: outside });
  assert.throws(() => renderToString(<Messages />), {
    code: "invalid-options",
    message: /^useMessages\(\)/,
  });
});

test("a provider without a client or good options says what is wrong", () => {
  const render = (props: unknown): string =>
    renderToString(<ConnectionProvider {...(props as ConnectionProviderProps)} />);

  assert.throws(() => render({}), {
    code: "invalid-options",
    message: /needs a client, or the options/,
  });
  assert.throws(() => render({ options: { getToken: 1 } }), { message: /url: .*; getToken: / });
  assert.doesNotThrow(() => render({ client: createClient(OPTIONS) satisfies Client }));
  // Whatever its messages are.
  const typed = createClient<Date, number>({ ...OPTIONS, decode: () => new Date() });
  assert.doesNotThrow(() => render({ client: typed } satisfies ConnectionProviderProps));
});
