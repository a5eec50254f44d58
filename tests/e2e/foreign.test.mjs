/** Clients that are not ours: the server keeps to PROTOCOL.md, and PROTOCOL.md is enough. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import WebSocket from "ws";

import { CURL } from "./support/paths.mjs";
import { startPython } from "./support/python_client.mjs";
import { scene } from "./support/scene.mjs";
import { within } from "./support/wait.mjs";

const run = promisify(execFile);
const V1 = "onesocket.v1";

test(
  "a client written from PROTOCOL.md alone is welcomed, joins, publishes and hears",
  scene(async (the) => {
    const server = await the.server({ args: ["--echo"] });
    const ada = python(the, server, "ada");
    const grace = the.use(await NodeClient.connect(server, "grace"));

    assert.equal(await ada.ask("publish", "tea", 1), "refused");
    assert.equal(await ada.ask("join", "tea"), "done");
    assert.deepEqual(await grace.ask({ type: "join", id: 1, group: "tea" }), {
      type: "ack",
      id: 1,
    });
    assert.equal(await ada.ask("publish", "tea", { from: "Python" }), "done");
    assert.deepEqual(await grace.next(), {
      type: "message",
      data: { from: "Python" },
      group: "tea",
      from: "ada",
    });
    await grace.ask({ type: "publish", id: 2, group: "tea", data: "from Node" });
    assert.equal(await ada.ask("message", ["to the server"]), "done");
    assert.equal(await ada.ask("message", { base64: "AAEC" }), "done");
    await ada.told("an echo of bytes", ({ bytes }) => bytes?.base64 === "AAEC");

    const [welcome] = await ada.heard("welcome");
    assert.deepEqual([welcome.user, welcome.maxMessageBytes], ["ada", 65_536]);
    const heard = (await ada.heard("message", 3)).map(({ data, from }) => ({ data, from }));
    assert.deepEqual(heard[0], { data: "from Node", from: "grace" });
    assert.deepEqual(heard[1].data, ["to the server"]);
    assert.equal(await ada.ask("leave", "tea"), "done");
    await grace.ask({ type: "publish", id: 3, group: "tea", data: "to nobody" });
    assert.equal(await ada.ask("message", "last"), "done");
    assert.equal((await ada.heard("message", 4)).length, 4);
  }),
);

test(
  "a client that answers pings stays, one that answers none is stale",
  scene(async (the) => {
    const args = ["--ping-every", "100ms", "--sweep-every", "100ms", "--stale-after", "5s"];
    const server = await the.server({ args });
    const ada = python(the, server, "ada");
    const grace = the.use(await NodeClient.connect(server, "grace"));

    assert.deepEqual(await grace.closed, { code: 4508, reason: "no frame for too long" });
    await ada.heard("ping", 20);

    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "a client refreshes its token over the open connection, for as long as it likes",
  scene(async (the) => {
    const server = await the.server({ args: ["--token-life", "2s"] });
    const ada = python(the, server, "ada");

    await ada.heard("refreshed", 3);

    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "what was not answered before a loss is sent again, and had once and in order",
  scene(async (the) => {
    // A cut with something unread in it is a reset.
    const server = await the.server({ isReset: true });
    const proxy = await the.proxy(server.url);
    const ada = python(the, server, "ada", proxy);
    const grace = the.use(await NodeClient.connect(server, "grace"));
    await grace.ask({ type: "join", id: 1, group: "tea" });
    assert.equal(await ada.ask("join", "tea"), "done");

    proxy.deafen();
    const calls = [1, 2].map((number) => ada.tell("publish", "tea", number));
    assert.deepEqual([await grace.data(), await grace.data()], [1, 2]);
    proxy.cut();
    calls.push(ada.tell("publish", "tea", 3));
    for (const call of calls) {
      const answer = await ada.told("the answer", (event) => event.call === call);
      assert.equal(answer.event, "done");
    }
    assert.equal(await ada.ask("publish", "tea", 4), "done");

    assert.deepEqual([await grace.data(), await grace.data()], [3, 4]);
    const welcomes = await ada.heard("welcome", 2);
    const [before, after] = welcomes.map(({ epoch }) => epoch);
    assert.ok(before);
    assert.equal(after, before);
  }),
);

test(
  "after a restart a client comes back to its groups and reports what may have been lost",
  scene(async (the) => {
    const server = await the.server({ isReset: true });
    const proxy = await the.proxy(server.url);
    const ada = python(the, server, "ada", proxy);
    const before = the.use(await NodeClient.connect(server, "grace"));
    await before.ask({ type: "join", id: 1, group: "tea" });
    assert.equal(await ada.ask("join", "tea"), "done");
    proxy.deafen();
    const call = ada.tell("publish", "tea", "answered to nobody");
    assert.equal(await before.data(), "answered to nobody");

    await server.kill();
    proxy.cut();
    await server.start();

    const answer = await ada.told("the answer", (event) => event.call === call);
    assert.deepEqual([answer.event, answer.code], ["refused", "unknown"]);
    const after = the.use(await NodeClient.connect(server, "grace"));
    await after.ask({ type: "join", id: 1, group: "tea" });
    assert.equal(await ada.ask("publish", "tea", "back"), "done");
    assert.equal(await after.data(), "back");
  }),
);

test(
  "a server that leaves says so, and a client comes back to it",
  scene(async (the) => {
    const server = await the.server();
    const ada = python(the, server, "ada");
    await ada.heard("welcome");

    await server.stop();
    const [closed] = await ada.heard("closed");
    await server.start();

    assert.equal(closed.code, 1012);
    await ada.heard("welcome", 2);
  }),
);

test(
  "a client that was replaced, or whose token is bad, does not come back",
  scene(async (the) => {
    const server = await the.server({ replaces: true });
    const first = python(the, server, "ada");
    await first.heard("welcome");
    the.use(await NodeClient.connect(server, "ada"));
    const second = the.use(startPython(server.ws, { user: "ada", token: "no.good.token" }));

    const [replaced] = await first.heard("ended");
    const [refused] = await second.heard("ended");

    assert.deepEqual([replaced.code, refused.code], [4409, 4401]);
    assert.equal(second.events.filter(({ event }) => event === "token").length, 2);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
  }),
);

test(
  "Node's ws is told by a close code why it is not served",
  scene(async (the) => {
    const server = await the.server();
    const good = offer(await server.token("ada"));
    const origin = "https://example.org";
    const refusals = [
      [[V1], {}, 4401],
      [[V1, offer("a.b.c")], {}, 4401],
      [[V1, good], { origin }, 4403],
      [[], {}, 4400],
    ];
    for (const [offered, options, code] of refusals) {
      const socket = the.use(new NodeClient(new WebSocket(server.ws, offered, options)));
      assert.equal((await socket.closed).code, code, JSON.stringify(offered));
    }

    const large = the.use(await NodeClient.connect(server, "ada"));
    large.socket.send("x".repeat(70_000));
    assert.equal((await large.closed).code, 4413);
    const babbling = the.use(await NodeClient.connect(server, "ada"));
    for (let times = 0; times < 10; times += 1) babbling.socket.send("no JSON");
    assert.equal((await babbling.closed).code, 4400);
    const broken = the.use(await NodeClient.connect(server, "ada"));
    broken.socket._socket.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0]));
    assert.equal((await broken.closed).code, 1002);
  }),
);

test(
  "curl gets tokens and counts, and a sentence for whatever else",
  scene(async (the) => {
    const server = await the.server();

    const issued = await curl(server, "/token", "--data", '{"user":"ada"}');
    const authorization = ["--header", `Authorization: Bearer ${issued.body.token}`];
    const counted = await curl(server, "/connections", ...authorization);

    assert.deepEqual([issued.status, issued.body.expiresInMs], [200, 300_000]);
    assert.deepEqual(counted, { status: 200, body: { user: "ada", open: 0, opened: 0 } });
    for (const [status, path, ...options] of [
      [400, "/token", "--data", "no JSON"],
      [400, "/token", "--data", '{"user":""}'],
      [403, "/token", "--data", '{"user":"ada"}', "--header", "Origin: https://example.org"],
      [413, "/token", "--data", "x".repeat(5000)],
      [405, "/token"],
      [401, "/connections"],
      [401, "/connections", "--header", "Authorization: Bearer a.b.c"],
      [400, "/ws"],
      [404, "/nowhere"],
    ]) {
      const answer = await curl(server, path, ...options);
      assert.equal(answer.status, status, path);
      assert.match(answer.body.error, /\w+ \w+/, path);
    }
  }),
);

/** Starts the client in Python for a user, through a proxy where there is one. */
function python(the, server, user, proxy) {
  const ws = proxy ? `${proxy.url.replace("http", "ws")}/ws` : server.ws;
  return the.use(startPython(ws, { user, token: `${server.url}/token` }));
}

/** Writes a token as a subprotocol. */
function offer(token) {
  return `onesocket.token.${Buffer.from(token).toString("base64url")}`;
}

/** Asks over HTTP. */
async function curl(server, path, ...options) {
  const all = ["--silent", "--noproxy", "*", "--write-out", "\n%{http_code}", ...options];
  const { stdout } = await run(CURL, [...all, server.url + path]);
  const lines = stdout.split("\n");
  const status = Number(lines.pop());
  return { status, body: JSON.parse(lines.join("\n")) };
}

/** Node's `ws`, with what it has heard. */
class NodeClient {
  socket;
  /** Resolves with the code and the reason. */
  closed;
  #heard = [];
  #waiting = [];

  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const [head, payload] = data.toString().split("\n");
      const { format, ...frame } = JSON.parse(head);
      if (payload !== undefined) frame.data = format === "text" ? payload : JSON.parse(payload);
      const next = this.#waiting.shift();
      if (next) next(frame);
      else this.#heard.push(frame);
    });
    const closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.closed = within(closed, "the close");
    // A `close` follows.
    socket.on("error", () => {});
    this.closed.catch(() => {});
  }

  /** Connects a user, up to the welcome. */
  static async connect(server, user) {
    const offered = [V1, offer(await server.token(user))];
    const client = new NodeClient(new WebSocket(server.ws, offered));
    assert.equal((await client.next()).type, "welcome");
    assert.equal(client.socket.protocol, V1);
    return client;
  }

  /** Sends a frame, with `data` as its payload if there is some, and returns the next one that comes. */
  async ask({ data, ...head }) {
    const payload = data === undefined ? [] : [JSON.stringify(data)];
    this.socket.send([JSON.stringify(head), ...payload].join("\n"));
    return await this.next();
  }

  /** The next frame. */
  async next() {
    if (this.#heard.length > 0) return this.#heard.shift();
    return await within(new Promise((resolve) => this.#waiting.push(resolve)), "a frame");
  }

  /** What the next message says. */
  async data() {
    return (await this.next()).data;
  }

  async end() {
    this.socket.close();
    await this.closed;
  }
}
