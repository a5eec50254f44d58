/** Runs in the page: measures every client over stand-ins for the network. */

import "./global_stand_in.js";

import * as centrifuge from "./clients/centrifuge.js";
import * as onesocket from "./clients/onesocket.js";
import * as plainWire from "./clients/onesocket_plain_wire.js";
import * as partysocket from "./clients/partysocket.js";
import * as phoenix from "./clients/phoenix.js";
import * as plain from "./clients/plain.js";
import * as reconnecting from "./clients/reconnecting_websocket.js";
import * as socketIo from "./clients/socket_io.js";
import { shuffled } from "./shuffled.js";
import { StandIn } from "./stand_in.js";

/** By the names that the tables have. The second plain one shows the noise. */
const CLIENTS = {
  plain,
  "plain again": plain,
  onesocket,
  "onesocket, plain wire": plainWire,
  "reconnecting-websocket": reconnecting,
  partysocket,
  phoenix,
  "socket.io": socketIo,
  centrifuge,
};

/** What is measured: a name, the kind, the size of a payload, and how many messages make a batch. */
const MEASURES = [
  ["received text, 64 B", "text", 64, 2000],
  ["received text, 1 KiB", "text", 1024, 2000],
  ["received text, 64 KiB", "text", 65_536, 300],
  ["received bytes, 64 B", "bytes", 64, 2000],
  ["received bytes, 64 KiB", "bytes", 65_536, 300],
  ["sent text, 64 B", "send", 64, 500],
  ["sent text, 1 KiB", "send", 1024, 500],
];

/** What payloads of bytes are full of. */
const FILLER = 7;

/** How long a client may take to make its socket, in milliseconds. */
const PATIENCE = 5000;

/** Runs what makes a client begin; returns the socket that it has made, at once if it is there. */
function socketOf(begin) {
  StandIn.last = undefined;
  begin();
  if (StandIn.last !== undefined) return StandIn.last;
  return new Promise((resolve, reject) => {
    const end = performance.now() + PATIENCE;
    const look = () => {
      if (StandIn.last !== undefined) resolve(StandIn.last);
      else if (performance.now() < end) setTimeout(look);
      else reject(new Error("it has made no socket"));
    };
    look();
  });
}

/** Opens each client once; what it hears is counted. */
async function openAll() {
  const opened = {};
  for (const [name, { open }] of Object.entries(CLIENTS)) {
    const heard = { count: 0, last: undefined };
    const opening = open(socketOf, (data) => {
      heard.count += 1;
      heard.last = data;
    });
    const client = await Promise.resolve(opening).catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    opened[name] = { ...client, heard };
  }
  return opened;
}

/** Returns the nanoseconds of one message, or `undefined` where a client has no such thing. */
async function batch(name, client, kind, size, count) {
  if (kind === "send") return await batchOfSent(name, client, size, count);
  const payload = kind === "text" ? "x".repeat(size) : new Uint8Array(size).fill(FILLER).buffer;
  if (client[kind] === undefined) return undefined;
  const frame = client[kind](payload);
  const before = client.heard.count;
  const start = performance.now();
  for (let time = 0; time < count; time += 1) client.socket.receives(frame);
  const ms = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve));
  const heard = client.heard.count - before;
  if (heard !== count || !isSame(client.heard.last, payload)) {
    throw new Error(`${name} heard ${heard} of ${count}, or something else`);
  }
  return (ms * 1e6) / count;
}

function isSame(heard, payload) {
  if (typeof payload === "string") return heard === payload;
  const bytes = new Uint8Array(heard);
  return bytes.length === payload.byteLength && bytes.every((byte) => byte === FILLER);
}

async function batchOfSent(name, client, size, count) {
  const payload = "x".repeat(size);
  const before = client.socket.sent;
  const start = performance.now();
  for (let time = 0; time < count; time += 1) client.send(payload);
  const ms = performance.now() - start;
  // Some write in a later turn.
  for (let turn = 0; client.socket.sent - before < count && turn < count; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  const sent = client.socket.sent - before;
  if (sent !== count) throw new Error(`${name} has sent ${sent} of ${count}`);
  client.answered?.(client.socket);
  return (ms * 1e6) / count;
}

/** Measures each client, in a new order each round; returns their names, and the best batch of each. */
async function measure(rounds) {
  const opened = await openAll();
  const best = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const [what, kind, size, count] of MEASURES) {
      for (const [name, client] of shuffled(Object.entries(opened))) {
        const ns = await batch(name, client, kind, size, count);
        best[what] ??= {};
        if (ns !== undefined) best[what][name] = Math.min(best[what][name] ?? Infinity, ns);
      }
    }
  }
  return { names: Object.keys(opened), best };
}

/**
 * Returns the bytes of the JavaScript heap that one open client takes, its stand-in included: the
 * smallest of several tries, as what others have left is collected when the engine likes.
 */
async function heap(count, tries) {
  const bytes = {};
  for (let time = 0; time < tries; time += 1) {
    for (const [name, { open }] of Object.entries(CLIENTS)) {
      const weighed = await weigh(open, count);
      bytes[name] = Math.min(bytes[name] ?? Infinity, weighed);
    }
  }
  return bytes;
}

async function weigh(open, count) {
  const used = () => {
    for (let time = 0; time < 3; time += 1) globalThis.gc();
    return performance.memory.usedJSHeapSize;
  };
  const kept = [await open(socketOf, () => {})];
  const before = used();
  for (let made = 0; made < count; made += 1) kept.push(await open(socketOf, () => {}));
  return (used() - before) / (kept.length - 1);
}

globalThis.bench = { measure, heap };
