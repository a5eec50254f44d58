/**
 * Measures what a message costs the processes of a real Chromium, over real sockets.
 *
 * Nothing watches the browser meanwhile: the developer tools' protocol would be told of each message. The
 * page asks for its orders over HTTP, and between two of them the times of the processes are read.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";

import { WebSocketServer } from "ws";

import { shuffled } from "./shuffled.js";

/** What is measured: its name, a payload's bytes, how many messages make a batch, and how many batches. */
const MEASURES = [
  ["received text", 64, 500, 30],
  ["received text", 1024, 500, 30],
  ["received bytes", 65_536, 10, 400],
  ["sent text", 64, 500, 30],
  ["sent bytes", 65_536, 10, 400],
];
const CLIENTS = ["plain", "plain again", "onesocket", "onesocket, plain wire"];
const ROUNDS = 5;

/** Linux counts the time of a process in hundredths of a second. */
const MS_PER_TICK = 10;

const WELCOME = { type: "welcome", connectionId: "c", user: "u", pingIntervalMs: 25_000, maxMessageBytes: 1 << 20 };

/** Answers one socket: in frames of `onesocket.v1`, where that was offered, else in messages. */
function serve(socket) {
  const ours = socket.protocol !== "";
  const frame = (payload) => {
    if (!ours) return payload;
    if (typeof payload === "string") return `{"type":"message","format":"text"}\n${payload}`;
    return Buffer.concat([Buffer.from('{"type":"message"}\n'), payload]);
  };
  let acknowledged = 0;
  let acknowledgedAt = 0;
  let waiting;
  let read = 0;
  const acknowledge = () => {
    waiting = undefined;
    if (acknowledged === read) return;
    socket.send(JSON.stringify({ type: "ack", id: (acknowledged = read) }));
    acknowledgedAt = performance.now();
  };
  // As `onesocket-server` does: what comes within a millisecond has one answer.
  const acknowledgeInTime = () => {
    const wait = acknowledgedAt + 1 - performance.now();
    if (wait <= 0) acknowledge();
    else waiting ??= setTimeout(acknowledge, wait);
  };
  if (ours) socket.send(JSON.stringify(WELCOME));
  socket.on("message", (data, isBinary) => {
    let from = 0;
    if (ours) {
      from = data.indexOf("\n") + 1;
      read = JSON.parse(data.subarray(0, from)).id;
    }
    // All that was read in one go first.
    if (ours) setImmediate(acknowledgeInTime);
    if (isBinary) return;
    const text = data.subarray(from).toString();
    if (text === "answer") {
      // First, so that the next batch finds room in the queue.
      acknowledge();
      socket.send(frame("here"));
    }
    if (!text.startsWith("{")) return;
    const { kind, size, batch } = JSON.parse(text);
    const answer = frame(kind.endsWith("bytes") ? Buffer.alloc(size) : "x".repeat(size));
    for (let sent = 0; sent < batch; sent += 1) socket.send(answer);
  });
}

/** Returns the milliseconds that the processes of a browser have taken, by their kind. */
function taken(browser) {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap(look);
  const mine = new Set([String(browser.pid)]);
  const ms = {};
  // A parent comes before its children: it is older.
  for (const { pid, parent, kind, ticks } of processes.toSorted((a, b) => a.born - b.born)) {
    if (!mine.has(pid) && !mine.has(parent)) continue;
    mine.add(pid);
    ms[kind] = (ms[kind] ?? 0) + ticks * MS_PER_TICK;
  }
  return ms;
}

/** Returns what is known of a process; nothing of one that has ended meanwhile. */
function look(pid) {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name may have spaces in it; the fields behind it are those of proc(5) from the third on.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const type = /--type=([\w-]+)/.exec(line)?.[1];
    const kind = type === "renderer" ? "renderer" : /network/.test(line) ? "network" : "browser";
    const ticks = Number(fields[11]) + Number(fields[12]);
    return [{ pid, parent: fields[1], born: Number(fields[19]), kind, ticks }];
  } catch {
    return [];
  }
}

/** Returns all orders, those of one measure in a new order of the clients each round. */
function orders() {
  const list = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [kind, size, batch, batches] of MEASURES) {
      for (const client of shuffled(CLIENTS)) list.push({ client, kind, size, batch, batches });
    }
  }
  return list;
}

/**
 * Has a page with that script exchange messages, and returns the microseconds of one, by what was measured
 * and the client: of the renderer, and of all processes. Of several rounds the middle one counts.
 */
export async function measureCpu(script, flags, limit) {
  const found = {};
  const list = orders();
  const folder = mkdtempSync(join(tmpdir(), "onesocket-cpu-"));
  let browser;
  let closed;
  let running;
  let settle;
  const ended = new Promise((resolve, reject) => (settle = { resolve, reject }));

  const next = () => {
    const now = taken(browser);
    if (running !== undefined) {
      const { client, kind, size, batch, batches } = running.order;
      const of = (processes) =>
        processes.reduce((sum, name) => sum + (now[name] ?? 0) - (running.before[name] ?? 0), 0);
      const row = ((found[`${kind}, ${size} B`] ??= {})[client] ??= { renderer: [], all: [] });
      const per = (ms) => (ms * 1000) / (batch * batches);
      row.renderer.push(per(of(["renderer"])));
      row.all.push(per(of(["renderer", "network", "browser"])));
    }
    const order = list.shift() ?? null;
    running = { order, before: now };
    if (order === null) settle.resolve();
    return order;
  };
  const server = createServer((request, response) => {
    if (request.url === "/next") return response.end(JSON.stringify(next()));
    if (request.method === "POST") {
      request.on("data", (what) => settle.reject(new Error(`the page: ${what}`)));
      return response.end();
    }
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title></title><script type="module">${script}</script>`);
  });
  const handleProtocols = (offered) => (offered.has("onesocket.v1") ? "onesocket.v1" : false);
  new WebSocketServer({ server, handleProtocols }).on("connection", serve);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const page = `http://127.0.0.1:${server.address().port}/`;
    browser = spawn(env.ONESOCKET_BROWSER, ["--headless", ...flags, `--user-data-dir=${folder}`, page], { stdio: "ignore" });
    // From here on: it may have ended by itself before it is waited for.
    closed = new Promise((resolve) => browser.once("close", resolve));
    browser.on("exit", () => settle.reject(new Error("the browser has ended")));
    setTimeout(() => settle.reject(new Error("it took too long")), limit).unref();
    await ended;
  } finally {
    browser?.removeAllListeners("exit");
    browser?.kill();
    await closed;
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 9 });
  }
  const middles = (row) => mapped(row, (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]);
  return mapped(found, (clients) => mapped(clients, middles));
}

function mapped(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
