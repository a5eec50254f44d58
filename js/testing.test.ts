import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, OneSocketError } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { createTestClient, type Failure, type SettableState, TestServer } from "./testing.js";

const made = (options?: Parameters<typeof createTestClient>[0]) => freedAfter(createTestClient(options));

test("a client connects to its server, and each hears the other", async () => {
  const client = made();
  assert.equal(client.state, "idle");
  await client.connect();
  const heard: unknown[] = [];
  client.on("message", (message) => heard.push(message));

  client.send("a text");
  client.send(new Uint8Array([1, 2]));
  await client.join("tea");
  await client.publish("tea", { any: ["JSON", "ü"] });
  client.receive({ to: "all" });
  client.receive("to tea", { group: "tea", from: "eve" });
  client.receive(new Uint8Array([3]), { user: "ada" });
  client.receive("not for us", { user: "eve" });
  client.receive("not for us", { group: "coffee" });

  assert.deepEqual(client.accepted, [
    { data: "a text", from: "ada" },
    { data: new Uint8Array([1, 2]), from: "ada" },
    { data: { any: ["JSON", "ü"] }, group: "tea", from: "ada" },
  ]);
  assert.deepEqual(heard, [
    { data: { to: "all" } },
    { data: "to tea", group: "tea", from: "eve" },
    { data: new Uint8Array([3]) },
  ]);
});

test("each state can be set from each other, and only one socket is open", async () => {
  const states: SettableState[] = ["connecting", "connected", "waiting", "closed", "failed"];
  for (const first of states) {
    for (const second of states) {
      const client = made();
      await client.setState(first);
      await client.setState(second);
      assert.equal(client.state, second, `${first}, ${second}`);
      assert.ok(client.server.connections.length <= 1);
      await client.setState("connected");
      assert.equal(client.state, "connected", `${first}, ${second}, connected`);
    }
  }
});

test("it fails as the server says, and again for another reason", async () => {
  const client = made({ getToken: () => "t" });
  for (const why of ["refused", "replaced", "too-large", "unauthorized"] satisfies Failure[]) {
    await client.fail(why);
    assert.deepEqual([client.state, client.status.error?.code], ["failed", why]);
  }
  await client.setState("connected");
  assert.equal(client.status.error, null);
});

test("what is sent without a connection waits, and arrives once", async () => {
  const client = made();
  client.send("before");
  await client.setState("connected");
  client.server.pause();
  client.send("unanswered");
  await Promise.resolve();
  client.server.drop();
  client.server.resume();
  await client.setState("connected");

  assert.deepEqual(client.accepted.map(({ data }) => data), ["before", "unanswered"]);
});

test("clients of one server hear each other; a user has one connection, and rights", async () => {
  const userOf = (token: string | undefined): string | null => (token === "bad" ? null : (token ?? null));
  const server = new TestServer({ userOf, mayJoin: (_, group) => group !== "vault" });
  const [ada, eve] = ["ada", "eve"].map((name) => made({ server, getToken: () => name }));
  assert.ok(ada !== undefined && eve !== undefined);
  const heard: unknown[] = [];
  eve.on("message", ({ data, from }) => heard.push([from, data]));
  await Promise.all([ada, eve].map(async (client) => await client.connect()));
  await Promise.all([ada, eve].map(async (client) => await client.join("tea")));
  await ada.publish("tea", 1);
  await assert.rejects(ada.join("vault"), { code: "refused" });
  await assert.rejects(ada.publish("vault", 1), { code: "refused" });
  assert.deepEqual(heard, [["ada", 1]]);
  assert.deepEqual(server.connections.map(({ user, groups }) => [user, [...groups]]), [
    ["ada", ["tea"]],
    ["eve", ["tea"]],
  ]);

  await made({ server, getToken: () => "ada" }).connect();
  assert.equal(ada.status.error?.code, "replaced");
  assert.equal(server.opened, 3);
  await assert.rejects(made({ server, getToken: () => "bad" }).connect(), { code: "unauthorized" });
});

test("a wire of one's own is taken as it comes", async () => {
  const client = made({ wire: { hello: () => "hi" } });
  const heard: unknown[] = [];
  client.on("message", ({ data }) => heard.push(data));
  await client.connect();
  client.send("a text");
  await client.setState("connected");
  client.receive("whatever");
  client.receive(new Uint8Array([1]));

  assert.deepEqual(client.accepted.map(({ data }) => data), ["hi", "a text"]);
  assert.deepEqual(heard, ["whatever", new Uint8Array([1]).buffer]);
});

test("a server takes the place of the global WebSocket, and gives it back", async () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  const server = new TestServer();
  const giveBack = server.install();
  const client = freedAfter(createClient({ url: "wss://app.example/ws" }));
  await client.connect();
  giveBack();

  assert.equal(server.connections.length, 1);
  assert.deepEqual(Object.getOwnPropertyDescriptor(globalThis, "WebSocket"), before);
});

test("an unreachable server is one that fails, and no attempt is hidden", async () => {
  const client = made({ reconnect: false });
  client.server.isReachable = false;
  await assert.rejects(client.connect(), OneSocketError);
  assert.equal(client.server.opened, 0);
});

test("a server that pings is answered, and nobody hears of it", async () => {
  let asked = 0;
  const answer = (data: unknown): string | undefined => {
    asked += 1;
    if (data === "fault") throw new Error("a fault of the application's");
    return data === "ping" ? "pong" : undefined;
  };
  const client = made({ wire: { answer } });
  const [heard, reported]: [unknown[], unknown[]] = [[], []];
  client.on("message", ({ data }) => heard.push(data));
  const page = globalThis as { reportError?: (error: unknown) => void };
  page.reportError = (error) => reported.push(error);
  await client.connect();

  for (const data of ["ping", "tea", "fault", "ping"]) client.receive(data);
  await client.setState("connected");
  delete page.reportError;

  assert.deepEqual(client.accepted.map(({ data }) => data), ["pong", "pong"]);
  assert.deepEqual([heard, asked, reported.length], [["tea", "fault"], 4, 1]);
});

test("the name of a group goes to the server as it is, whatever it begins with", async () => {
  const client = made();
  await client.connect();
  for (const group of ["\ufefftea", "ünï", "😀"]) await client.join(group);

  assert.deepEqual(client.server.connections.map(({ groups }) => [...groups]), [["\ufefftea", "ünï", "😀"]]);
});
