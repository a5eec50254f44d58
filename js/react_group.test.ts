import assert from "node:assert/strict";
import { test } from "node:test";

import { type Client, createClient } from "./client.js";
import { type NamedStanding, stayIn } from "./react_group.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

const URL = "wss://example.com/ws";
const NO_ATTEMPTS = { maxAttempts: 0, intervalMs: 1 };

/** A client, and all that one component hears of its group. */
function member(more: object = {}): { client: Client; told: string[]; leave: () => void } {
  const client = freedAfter(createClient({ url: URL, WebSocket: StandInSocket, ...more }));
  const told: string[] = [];
  const leave = stayIn(client, "tea", ({ state, error }: NamedStanding) => {
    told.push(error === null ? state : `${state} ${error.code}`);
  });
  return { client, told, leave };
}

/** The requests that the newest socket has sent, as what they are. */
function asked(): string[] {
  return StandInSocket.last.sent.map((frame) => JSON.parse(String(frame)).type);
}

function refuses(id: number): void {
  const refusal = { type: "error", id, code: "refused", message: "no" };
  StandInSocket.last.receives(JSON.stringify(refusal));
}

/** Runs what was begun: promises, and calls of `getToken`. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

test("an end that the next connection makes good is no refusal", async () => {
  const ends: Record<string, [options: object, end: (client: Client) => void]> = {
    "attempts-exhausted": [{ reconnect: NO_ATTEMPTS }, () => StandInSocket.last.closes()],
    closed: [{}, (client) => void client.close()],
    replaced: [{}, () => StandInSocket.last.closes(4409, "elsewhere")],
    unauthorized: [{}, () => StandInSocket.last.closes(4401, "who is it?")],
  };
  for (const [code, [options, end]] of Object.entries(ends)) {
    const { client, told } = member(options);
    client.connect().catch(() => {});
    StandInSocket.last.connects();
    assert.deepEqual(asked(), ["join"], code);

    end(client);
    await settled();
    StandInSocket.last.closes();

    assert.deepEqual(told, ["joining"], code);
    assert.equal(client.status.error?.code ?? "closed", code);
  }
});

test("who waits for a connection asks once, and is told once", async () => {
  const { client, told } = member();
  client.connect().catch(() => {});

  StandInSocket.last.connects();
  StandInSocket.last.receives('{"type":"ack","id":1}');
  await settled();

  assert.deepEqual(asked(), ["join"]);
  assert.deepEqual(told, ["joined"]);
});

test("who has left is told nothing of an answer that comes later", async () => {
  for (const answer of [() => StandInSocket.last.receives('{"type":"ack","id":1}'), () => refuses(1)]) {
    const { client, told, leave } = member();
    client.connect().catch(() => {});
    StandInSocket.last.connects();

    leave();
    answer();
    await settled();

    assert.deepEqual(told, []);
  }
});

test("who was refused asks again with a new token, once the server has taken it", async () => {
  const { client, told } = member({ getToken: () => "a-token", refresh: { minIntervalMs: 0 } });
  client.connect().catch(() => {});
  await settled();
  StandInSocket.last.connects({ tokenExpiresInMs: 300_000 });
  refuses(1);
  await settled();
  assert.deepEqual(told, ["refused refused"]);

  client.refreshToken().catch(() => {});
  await settled();
  // The token is there, and not taken yet.
  assert.deepEqual(asked(), ["join", "refresh"]);
  StandInSocket.last.receives('{"type":"refreshed","id":2,"tokenExpiresInMs":300000}');
  await settled();

  assert.deepEqual(asked(), ["join", "refresh", "join"]);
  StandInSocket.last.receives('{"type":"ack","id":3}');
  await settled();
  assert.deepEqual(told, ["refused refused", "joined"]);
  // Who is in the group asks no more, nor is told again.
  client.refreshToken().catch(() => {});
  await settled();
  StandInSocket.last.receives('{"type":"refreshed","id":4,"tokenExpiresInMs":300000}');
  await settled();
  assert.deepEqual(asked(), ["join", "refresh", "join", "refresh"]);
  assert.deepEqual(told, ["refused refused", "joined"]);
});

test("who was refused does not ask again because of another refusal", async () => {
  const { client, told } = member();
  client.connect().catch(() => {});
  StandInSocket.last.connects();
  refuses(1);
  await settled();

  client.join("milk").catch(() => {});
  refuses(2);
  StandInSocket.last.receives('{"type":"error","group":"milk","code":"refused","message":"no"}');
  await settled();

  assert.deepEqual(asked(), ["join", "join"]);
  assert.deepEqual(told, ["refused refused"]);
});

test("who waits when another user signs in asks for that one, once", async () => {
  const { client, told } = member({ reconnect: { intervalMs: 1, jitter: 0 } });
  const codes: string[] = [];
  client.on("error", ({ code }) => codes.push(code));
  client.connect().catch(() => {});
  StandInSocket.last.connects();
  client.join("milk").catch(() => {});
  StandInSocket.last.receives('{"type":"ack","id":2}');
  StandInSocket.last.closes();
  while (StandInSocket.made.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));

  StandInSocket.last.connects({ user: "bob" });
  StandInSocket.last.receives('{"type":"ack","id":3}');
  await settled();

  assert.deepEqual(codes, ["another-user"]);
  assert.deepEqual(asked(), ["join"]);
  assert.deepEqual(told, ["joined"]);
});
