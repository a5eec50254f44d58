/**
 * Measures tabs that share a connection, in a real Chromium against the real server, and prints the table of the
 * README: `cargo xtask bench tabs` runs it. It fails if a message is lost, doubled or out of order; the rest is
 * printed and not judged.
 */

import { env } from "node:process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { plainSite } from "../support/app.mjs";
import { openSenders, spread, WAYS } from "../support/failover.mjs";
import { begin, leaderOf, openFamily } from "../support/family.mjs";
import { scene } from "../support/scene.mjs";
import { Speaker } from "../support/speaker.mjs";
import { startTabs } from "../support/tab.mjs";

/** How often the leader goes in each way, and how often it stands still. */
const ROUNDS = 20;
const STALLS = 5;

/** For how long a person looks from one tab to the other, and how often. */
const MINUTES = Number(env.ONESOCKET_FOCUS_MINUTES ?? 1);
const LOOK_MS = 700;

/** How long nothing happens. */
const IDLE_MS = 10_000;

/** How many messages of how many bytes are received in a round, by each of so many tabs, and how many rounds. */
const MESSAGES = 4000;
const BYTES = 64;
const RECEIVERS = 3;
const RECEIVED_ROUNDS = 5;

/** How many messages are sent at once, before the server answers. */
const AT_ONCE = [1, 50];

/** How many messages are sent before all have heard them: the server cuts off whoever is 256 behind. */
const AHEAD = 200;

const LIMIT = (15 + MINUTES) * 60_000;

/** The rows of the tables, and the lines beside them. */
const gone = [];
const received = [];
const lines = [];

after(() => {
  table("ms until the others are connected again", ["p50", "p95", "max"], gone);
  const title = `µs of a message of ${BYTES} B, received by ${RECEIVERS} tabs (${MESSAGES * RECEIVED_ROUNDS} messages)`;
  table(title, ["a follower; all sharing", "a client with a socket of its own", "a bare WebSocket"], received);
  console.log(`\n${lines.join("\n")}\n`);
});

measure("the leader goes", async (the) => {
  const senders = await openSenders(the);
  for (const way of Object.keys(WAYS)) {
    const gaps = [];
    for (let round = 0; round < ROUNDS; round += 1) gaps.push(...(await senders.loseLeader(way)));
    row(`the leader ${way}`, gaps);
  }
  await judge(senders);
});

measure("the leader stands still", async (the) => {
  const senders = await openSenders(the, { windows: true });
  const gaps = [];
  for (let round = 0; round < STALLS; round += 1) {
    if (round > 0) await senders.renew();
    gaps.push(...(await senders.stallLeader("its process is stopped")).gaps);
  }
  row("its process is stopped, the others are seen", gaps);
  await judge(senders);
});

measure("a message is received", async (the) => {
  const app = the.use(plainSite());
  // One speaks as fast as all can hear.
  // What is killed at the end says nothing any more.
  const server = await the.server({ site: app.folder, args: ["--max-rate", "0"], isReset: true });
  const tabs = await startTabs(the);
  const open = async (start, given) => {
    const tab = await tabs.open(the, server.url, { window: true });
    await tab.evaluate(start, given);
    await tab.ignoreNetwork();
    return { tab, process: await tab.process() };
  };
  const kinds = { sharing: [], own: [], bare: [] };
  for (let at = 0; at < RECEIVERS; at += 1) {
    kinds.sharing.push(await open(begin, { user: "ada", share: "ada" }));
    kinds.own.push(await open(begin, { user: `own ${at}` }));
    kinds.bare.push(await open(beginBare, { url: server.ws, token: await server.token(`bare ${at}`) }));
  }
  const leader = await leaderOf(kinds.sharing.map(({ tab }) => tab));
  const speaker = the.use(await Speaker.start(server, "rain"));

  /** Has the tabs of one kind receive so many messages; returns the microseconds of one, by who has worked. */
  const receive = async (name, atOnce) => {
    const receivers = kinds[name];
    const ask = (work, given) => Promise.all(receivers.map(({ tab }) => tab.evaluate(work, given)));
    await ask(listen, { bytes: BYTES, step: AHEAD });
    const before = await tabs.worked();
    let wallMs = 0;
    for (let said = AHEAD; said <= MESSAGES; said += AHEAD) {
      const began = Date.now();
      await speaker.say("x".repeat(BYTES), AHEAD, atOnce);
      wallMs += Math.max(...(await ask((count) => window.heardAt(count), said))) - began;
    }
    const now = await tabs.worked();
    await ask(() => window.leave());
    const per = (us) => us / MESSAGES;
    const worked = (id) => per(1e6 * ((now.get(id)?.seconds ?? 0) - (before.get(id)?.seconds ?? 0)));
    const found = receivers.map(({ tab, process }) => {
      return [name === "sharing" ? (tab === leader ? "leader" : "follower") : name, worked(process)];
    });
    const all = [...now].filter(([, { type }]) => type !== "GPU").map(([id]) => worked(id));
    found.push([`all ${name}`, all.reduce((sum, us) => sum + us, 0)]);
    found.push([`wall ${name}`, per(1000 * wallMs)]);
    return found;
  };

  for (const atOnce of AT_ONCE) {
    const taken = {};
    // The first round is for the engine to compile what runs often; the order is another one each time.
    for (let round = 0; round <= RECEIVED_ROUNDS; round += 1) {
      const names = Object.keys(kinds).map((_, at, all) => all[(at + round) % all.length]);
      for (const name of names) {
        const found = await receive(name, atOnce);
        if (round > 0) for (const [who, us] of found) (taken[who] ??= []).push(us);
      }
    }
    const us = Object.fromEntries(Object.entries(taken).map(([who, list]) => [who, median(list)]));
    const over = (who, other) => `${us[who].toFixed(1)} (×${(us[who] / us[other]).toFixed(2)})`;
    const cells = (prefix, first) => [over(first, `${prefix}own`), over(`${prefix}own`, `${prefix}own`), over(`${prefix}bare`, `${prefix}own`)];
    received.push([`${atOnce} at once: CPU in the tab's process`, ...cells("", "follower")]);
    received.push([`${atOnce} at once: the same of the leader`, over("leader", "own"), "", ""]);
    received.push([`${atOnce} at once: CPU of all processes of the browser`, ...cells("all ", "all sharing")]);
    received.push([`${atOnce} at once: time until all have it`, ...cells("wall ", "wall sharing")]);
  }
});

measure("a person looks from one tab to the other", async (the) => {
  const { server, family } = await openFamily(the, 2);
  const end = Date.now() + MINUTES * 60_000;
  let looks = 0;
  for (; Date.now() < end; looks += 1) {
    await family[looks % family.length].activate();
    await sleep(LOOK_MS);
  }
  const { opened } = await server.connections("ada");
  line(`${looks} changes of focus in ${MINUTES} min: ${opened - 1} handovers`);
});

measure("nothing happens", async (the) => {
  const { tabs, family } = await openFamily(the, RECEIVERS, {}, countPosts);
  const posts = async () => {
    await Promise.all(family.map((tab) => tab.evaluate(() => (window.posts = 0))));
    await sleep(IDLE_MS);
    return (await Promise.all(family.map((tab) => tab.evaluate(() => window.posts)))).reduce((sum, one) => sum + one, 0);
  };
  const leader = await leaderOf(family);
  await family.find((tab) => tab !== leader).activate();
  const seen = await posts();
  await tabs.hide(...family);
  line(`posts of ${RECEIVERS} idle tabs in ${IDLE_MS / 1000} s: ${await posts()} if all are hidden, ${seen} if a follower is seen`);
});

/** Measures in a scene of its own. */
function measure(name, play) {
  test(name, { timeout: LIMIT }, scene(play, LIMIT));
}

async function judge(senders) {
  await senders.verify();
  const { most, overlapMs } = senders.server.liveAtOnce("ada");
  const { opened } = await senders.server.connections("ada");
  line(
    `${senders.sent} messages over ${opened} sockets: none lost, doubled or out of order; ` +
      `live at once at the server: ${most} at most${most > 1 ? `, for ${overlapMs} ms at most` : ""}`,
  );
}

function row(what, numbers) {
  const { p50, p95, max } = spread(numbers);
  gone.push([what, p50, p95, max]);
}

/** Prints a table in Markdown. */
function table(title, columns, rows) {
  console.log(`\n| ${title} | ${columns.join(" | ")} |`);
  console.log(`| --- |${" ---: |".repeat(columns.length)}`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

function line(text) {
  lines.push(`- ${text}`);
}

function median(list) {
  return spread(list).p50;
}

/** Runs in a page: opens a WebSocket without any client. */
async function beginBare({ url, token }) {
  const socket = new WebSocket(url, ["onesocket.v1", `onesocket.token.${btoa(token).replace(/=+$/, "")}`]);
  window.socket = socket;
  await new Promise((resolve) => (socket.onmessage = resolve));
}

/**
 * Runs in a page: joins the group and listens to messages of so many bytes. `heardAt(count)` says when it has heard so
 * many, a multiple of `step`; `leave()` leaves the group.
 */
async function listen({ bytes, step }) {
  let heard = 0;
  let at;
  let tell;
  const hear = (length) => {
    if (length !== bytes || ++heard % step !== 0) return;
    at = Date.now();
    tell?.();
  };
  window.heardAt = async (count) => {
    if (heard < count) await new Promise((resolve) => (tell = resolve));
    return at;
  };
  const { client, socket } = window;
  if (client) {
    const end = client.on("message", ({ data }) => hear(data.length));
    window.leave = async () => {
      end();
      await client.leave("rain");
    };
    return await client.join("rain");
  }
  const ask = (type) => {
    const id = (window.lastId = (window.lastId ?? 0) + 1);
    return new Promise((resolve) => {
      socket.onmessage = ({ data }) => {
        const end = data.indexOf("\n");
        if (end >= 0) hear(data.length - end - 1);
        else if (data.includes(`"id":${id}`)) resolve();
      };
      socket.send(JSON.stringify({ type, id, group: "rain" }));
    });
  };
  window.leave = () => ask("leave");
  await ask("join");
}

/** Runs in a page: counts what it posts. */
function countPosts() {
  window.posts = 0;
  const { postMessage } = BroadcastChannel.prototype;
  BroadcastChannel.prototype.postMessage = function (data) {
    window.posts += 1;
    postMessage.call(this, data);
  };
}
