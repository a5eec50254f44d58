/** What React does in a page, in one that jsdom makes. What a browser adds is in tests/e2e. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReactNode } from "react";
import type { Root } from "react-dom/client";

import type { Client } from "./client.js";
import { makePageForReact } from "./test_support/page.js";

const window = makePageForReact();

// React looks for the page when it is loaded.
const { act, useState } = await import("react");
const { createRoot } = await import("react-dom/client");
const { createClient } = await import("./client.js");
const { ConnectionProvider, useClient, useConnection, useGroup, useMessages, useReconnected } = await import(
  "./react.js"
);
const { freedAfter } = await import("./test_support/clients.js");
const { StandInSocket } = await import("./test_support/stand_in_socket.js");
const { createTestClient, TestServer } = await import("./testing.js");

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

test("a client that a provider has made is freed after it, and made anew for another url or user", async () => {
  const asked: string[] = [];
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const renderFor = async (url: string, token: string, share?: string): Promise<void> => {
    const getToken = (): string => {
      asked.push(token);
      return token;
    };
    await act(() =>
      root.render(
        // It is freed, and not only let go of: that would take a minute.
        <ConnectionProvider
          options={{ ...OPTIONS, url, getToken, releaseAfterMs: 60_000, ...(share && { share }) }}
        >
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

  const ofNobody = StandInSocket.last;
  await renderFor("wss://example.com/two", "t4", "grace");
  await act(() => StandInSocket.last.connects());
  assert.notEqual(StandInSocket.last, ofNobody);
  await pause();
  assert.deepEqual(ofNobody.closed, [1000, ""]);
  assert.equal(asked.at(-1), "t4");

  await act(() => root.unmount());
  await pause();
  assert.deepEqual(StandInSocket.last.closed, [1000, ""]);
});

test("a client that a provider has made calls the functions of the last render, those of the wire too", async () => {
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const renderAs = async (name: string, more: object = {}): Promise<void> =>
    act(async () =>
      root.render(
        <ConnectionProvider
          options={{
            ...OPTIONS,
            reconnect: { intervalMs: 1, jitter: 0 },
            wire: { hello: () => name, ...more },
          }}
        >
          <Shown />
        </ConnectionProvider>,
      ),
    );
  const opened = async (): Promise<unknown> => {
    await act(() => StandInSocket.last.opens(""));
    return StandInSocket.last.sent[0];
  };
  const lost = (): Promise<void> =>
    act(async () => {
      StandInSocket.last.closes();
      await pause();
    });
  await renderAs("first");
  assert.equal(await opened(), "first");

  await renderAs("second");
  await lost();
  assert.equal(await opened(), "second");

  // What is missing now was there when the client was made.
  await renderAs("third", { hello: undefined });
  await lost();
  assert.equal(await opened(), "first");
  await act(() => root.unmount());
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

test("a selector renders only when what it selects changes, whatever it makes", async () => {
  const client = freedAfter(createClient(OPTIONS));
  const rendered = { state: 0, object: 0, client: 0 };
  const count = (what: keyof typeof rendered): void => {
    rendered[what] += 1;
  };
  const States = (): string => {
    count("state");
    return useConnection(({ state }) => state);
  };
  const Objects = (): string => {
    count("object");
    const { up } = useConnection(({ state }) => ({ up: state === "connected" }));
    return String(up);
  };
  const Clients = (): null => {
    count("client");
    assert.equal(useClient(), client);
    return null;
  };
  const main = window.document.createElement("main");
  const root = createRoot(main);
  await render(root, client, [<States key="s" />, <Objects key="o" />, <Clients key="c" />]);
  assert.equal(main.textContent, "connectingfalse");
  const before = { ...rendered };

  await act(() => StandInSocket.last.opens());
  assert.equal(rendered.state, before.state, "another readyState is not selected");
  await act(() => {
    const welcome = { connectionId: "c", user: "a", pingIntervalMs: 25_000, maxMessageBytes: 1000 };
    StandInSocket.last.receives(JSON.stringify({ type: "welcome", ...welcome }));
  });

  assert.equal(main.textContent, "connectedtrue");
  assert.equal(rendered.state, before.state + 1);
  assert.equal(rendered.client, before.client);
  await act(() => root.unmount());
});

test("a group is joined while a component is mounted, and left with the last one", async () => {
  const client = freedAfter(createClient(OPTIONS));
  const heard: unknown[] = [];
  let publish: (data: unknown) => Promise<void> = () => Promise.resolve();
  const see = (given: typeof publish): void => {
    publish = given;
  };
  const Member = ({ name }: { name: string }): string => {
    const tea = useGroup(name, ({ data }) => heard.push(data));
    see(tea.publish);
    return `${tea.state}${tea.error === null ? "" : ` ${tea.error.code}`} `;
  };
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const members = (...names: string[]): Promise<void> =>
    render(root, client, names.map((name, at) => <Member key={at} name={name} />));
  await members("tea", "tea");
  assert.equal(main.textContent, "joining joining ");
  await act(() => StandInSocket.last.connects());
  const socket = StandInSocket.last;
  assert.deepEqual(socket.sent, ['{"type":"join","id":1,"group":"tea"}']);
  await act(() => socket.receives('{"type":"ack","id":1}'));
  assert.equal(main.textContent, "joined joined ");

  socket.receives('{"type":"message","group":"tea"}\n"hot"');
  socket.receives('{"type":"message","group":"milk"}\n"cold"');
  assert.deepEqual(heard, ["hot", "hot"]);
  const published = publish("more");
  assert.match(String(socket.sent[1]), /"publish".*\nmore/);
  await act(() => socket.receives('{"type":"ack","id":2}'));
  await published;

  await members("tea");
  assert.equal(socket.sent.length, 2, "another is in it");
  await members("milk");
  assert.deepEqual(socket.sent.slice(2), [
    '{"type":"leave","id":3,"group":"tea"}',
    '{"type":"join","id":4,"group":"milk"}',
  ]);
  assert.equal(main.textContent, "joining ");
  await act(() => socket.receives('{"type":"error","id":4,"code":"refused","message":"no milk"}'));
  assert.equal(main.textContent, "refused refused ");

  await act(() => root.unmount());
  await pause();
  assert.equal(socket.sent.length, 4, "there is nothing to leave");
});

test("a group is joined again with the next connection, after a loss and after an end", async () => {
  const client = freedAfter(createClient({ ...OPTIONS, reconnect: { intervalMs: 1, jitter: 0 } }));
  const Member = (): string => useGroup("tea").state;
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const isIn = async (): Promise<void> => {
    await act(() => StandInSocket.last.connects());
    const join = String(StandInSocket.last.sent.at(-1));
    assert.match(join, /"join"/);
    const { id } = JSON.parse(join) as { id: number };
    await act(() => StandInSocket.last.receives(JSON.stringify({ type: "ack", id })));
    assert.equal(main.textContent, "joined");
  };
  await render(root, client, <Member />);
  await isIn();

  await act(async () => {
    StandInSocket.last.closes();
    await pause();
  });
  assert.equal(main.textContent, "joining");
  await isIn();

  await act(() => StandInSocket.last.closes(4409));
  assert.deepEqual([client.state, main.textContent], ["failed", "joining"]);
  void client.connect();
  await isIn();
  await act(() => root.unmount());
});

test("a group that refuses to take back a component after a reconnect tells it so", async () => {
  let isOpen = true;
  const server = new TestServer({ mayJoin: () => isOpen });
  const client = freedAfter(createTestClient({ server, reconnect: { intervalMs: 1, jitter: 0 } }));
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  const Member = (): string => {
    const { state, error } = useGroup("tea");
    return `${state}${error === null ? "" : ` ${error.code}`} `;
  };
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const reconnects = async (): Promise<void> => {
    await act(async () => {
      server.drop();
      await pause();
    });
  };
  await render(root, client, [<Member key="one" />, <Member key="two" />]);
  await act(async () => {
    await client.setState("connected");
    await pause();
  });
  assert.equal(main.textContent, "joined joined ");

  isOpen = false;
  await reconnects();
  assert.equal(main.textContent, "refused refused refused refused ");
  isOpen = true;
  await reconnects();
  assert.equal(main.textContent, "joined joined ");
  // Each is counted once: the group is left with the second one.
  await render(root, client, [<Member key="two" />]);
  await act(() => pause());
  assert.deepEqual(server.connections.map(({ groups }) => [...groups]), [["tea"]]);
  await render(root, client, [<Shown key="shown" />]);
  await act(() => pause());
  assert.deepEqual(server.connections.map(({ groups }) => [...groups]), [[]]);
  assert.deepEqual(errors, []);
  await act(() => root.unmount());
});

test("a group out of which the server takes a user is asked once more, and then refused", async () => {
  let isOpen = true;
  const asked: string[] = [];
  const server = new TestServer({ mayJoin: (_, group) => asked.push(group) > 0 && isOpen });
  const client = freedAfter(createTestClient({ server, reconnect: { intervalMs: 1, jitter: 0 } }));
  const errors: string[] = [];
  client.on("error", ({ message }) => errors.push(message));
  const Member = ({ group }: { group: string }): string => `${group} ${useGroup(group).state} `;
  const main = window.document.createElement("main");
  const root = createRoot(main);
  const members = ["tea", "milk"].map((group) => <Member key={group} group={group} />);
  await render(root, client, members);
  await act(() => client.setState("connected"));
  await act(() => pause());
  assert.equal(main.textContent, "tea joined milk joined ");

  isOpen = false;
  await act(async () => {
    server.remove("ada", "tea");
    await pause();
  });
  assert.equal(main.textContent, "tea refused milk joined ");
  assert.deepEqual(errors, ['The server answered: this user may not be in "tea" any more']);

  // It is asked again with the next connection, as whatever was refused; the other one is left as it was.
  isOpen = true;
  await act(async () => {
    server.drop();
    await pause();
  });
  assert.equal(main.textContent, "tea joined milk joined ");
  assert.deepEqual(asked.slice(0, 3).sort(), ["milk", "tea", "tea"]);
  await render(root, client, []);
  await act(() => pause());
  assert.deepEqual(server.connections.map(({ groups }) => [...groups]), [[]]);
  await act(() => root.unmount());
});

test("a group that was refused is asked again once a new token is taken", async () => {
  let isAllowed = false;
  const asked: string[] = [];
  const server = new TestServer({ mayJoin: (_, group) => asked.push(group) > 0 && isAllowed });
  const getToken = (): string => "a-token";
  const client = freedAfter(createTestClient({ server, getToken, refresh: { minIntervalMs: 0 } }));
  const Member = ({ group }: { group: string }): string => `${group} ${useGroup(group).state} `;
  const main = window.document.createElement("main");
  const root = createRoot(main);
  await render(root, client, <Member group="tea" />);
  await act(() => client.setState("connected"));
  await act(() => pause());
  assert.equal(main.textContent, "tea refused ");

  isAllowed = true;
  await act(async () => {
    await client.refreshToken();
    await pause();
  });
  assert.equal(main.textContent, "tea joined ");
  await act(async () => {
    await client.refreshToken();
    await pause();
  });
  assert.deepEqual(asked, ["tea", "tea"], "who is in it asks no more");
  await act(() => root.unmount());
});

test("a component that stays mounted is in its group as the user who signs in next", async () => {
  const client = freedAfter(createClient({ ...OPTIONS, reconnect: { intervalMs: 1, jitter: 0 } }));
  const codes: string[] = [];
  client.on("error", ({ code }) => codes.push(code));
  const Member = (): string => useGroup("tea").state;
  const main = window.document.createElement("main");
  const root = createRoot(main);
  await render(root, client, [<Shown key="shown" />, <Member key="member" />]);
  await act(() => StandInSocket.last.connects());
  await act(() => StandInSocket.last.receives('{"type":"ack","id":1}'));
  await act(async () => {
    StandInSocket.last.closes();
    await pause();
    StandInSocket.last.connects({ user: "bob" });
  });

  assert.deepEqual(codes, ["another-user"]);
  assert.deepEqual(StandInSocket.last.sent, ['{"type":"join","id":2,"group":"tea"}']);
  assert.equal(main.textContent, "connectedjoining");
  await act(() => StandInSocket.last.receives('{"type":"ack","id":2}'));
  assert.equal(main.textContent, "connectedjoined");
  await render(root, client, [<Shown key="shown" />]);
  assert.match(String(StandInSocket.last.sent[1]), /"leave"/);
  await act(() => root.unmount());
});

test("what is not enabled holds nothing, joins nothing, and tells of the connection of others", async () => {
  const client = freedAfter(createClient(OPTIONS));
  const before = StandInSocket.made.length;
  const Member = ({ enabled }: { enabled?: boolean }): string => {
    useMessages(() => {}, { enabled });
    useReconnected(() => {}, { enabled });
    useGroup("tea", undefined, { enabled });
    return useConnection(({ state }) => state, { enabled });
  };
  const main = window.document.createElement("main");
  const root = createRoot(main);
  await render(root, client, <Member enabled={false} />);
  assert.equal(main.textContent, "idle");
  await act(() =>
    root.render(
      <ConnectionProvider client={client} enabled={false}>
        <Member />
      </ConnectionProvider>,
    ),
  );
  assert.equal(main.textContent, "idle");
  assert.equal(StandInSocket.made.length, before);

  await render(root, client, <Member />);
  await act(() => StandInSocket.last.connects());
  assert.equal(main.textContent, "connected");
  await act(() => StandInSocket.last.receives('{"type":"ack","id":1}'));
  await render(root, client, <Member enabled={false} />);
  assert.match(String(StandInSocket.last.sent.at(-1)), /"leave"/);
  await act(() => pause());
  assert.equal(main.textContent, "closing");
  await act(() => root.unmount());
});

test("who wants to load afresh is told when the connection is there again, not when it begins", async () => {
  const client = freedAfter(createClient({ ...OPTIONS, reconnect: { intervalMs: 1, jitter: 0 } }));
  let again = 0;
  const Loader = (): null => {
    useReconnected(() => {
      again += 1;
    });
    return null;
  };
  const root = createRoot(window.document.createElement("main"));
  await render(root, client, <Loader />);
  await act(() => StandInSocket.last.connects());
  assert.equal(again, 0);

  for (const times of [1, 2]) {
    await act(async () => {
      StandInSocket.last.closes();
      await pause();
      StandInSocket.last.connects();
    });
    assert.equal(again, times);
  }
  await act(() => root.unmount());
});

async function render(root: Root, client: Client, children: ReactNode): Promise<void> {
  await act(() => root.render(<ConnectionProvider client={client}>{children}</ConnectionProvider>));
}

function Shown(): string {
  return useConnection().state;
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
