/** However it is called, there is one socket, and the browser has nothing to complain of. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

test(
  "a hundred connect() in one tick are one promise, one upgrade and one socket",
  scene(async (the) => {
    const { server, proxy, page, watch } = await slowHandshake(the);

    const promises = await page.evaluate(async () => {
      const client = window.clientOf("ada");
      const made = Array.from({ length: 100 }, () => client.connect());
      await Promise.all(made);
      return new Set(made).size;
    });

    assert.equal(promises, 1);
    assert.equal(proxy.upgrades, 1);
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "close() and connect() fifty times in one tick, begun in idle: one socket",
  scene(async (the) => {
    const { server, proxy, page, watch } = await slowHandshake(the);

    const outcomes = await page.evaluate(async () => {
      const client = window.clientOf("ada");
      return await window.thereAndBack(client);
    });

    assert.deepEqual(outcomes, { closed: 50, connected: 1, refused: 49, state: "connected" });
    assert.equal(proxy.upgrades, 1);
    assert.equal(watch.sockets.length, 1);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

test(
  "close() and connect() fifty times in one tick, begun in connected: two sockets, one at a time",
  scene(async (the) => {
    const { server, proxy, page, watch } = await slowHandshake(the);

    const outcomes = await page.evaluate(async () => {
      const client = window.clientOf("ada");
      await client.connect();
      return await window.thereAndBack(client);
    });

    assert.deepEqual(outcomes, { closed: 50, connected: 1, refused: 49, state: "connected" });
    assert.equal(proxy.upgrades, 2);
    assert.equal(watch.sockets.length, 2);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    await server.hasHadAtMost(1);
    await server.hasLogged("Closing existing connection", 0);
  }),
);

test(
  "close() and connect() fifty times in one tick, in which the handshake begins: one socket",
  scene(async (the) => {
    const fault = await the.faultServer();
    const { page, watch } = await slowHandshake(the);

    // Without a token to fetch, a client that has been connected opens its socket at once.
    const outcomes = await page.evaluate(async (url) => {
      const client = window.onesocket.createClient({ url });
      await client.connect();
      await client.close();
      return await window.thereAndBack(client);
    }, fault.ws);

    assert.deepEqual(outcomes, { closed: 50, connected: 1, refused: 49, state: "connected" });
    assert.equal(fault.peers.length, 2);
    assert.equal(watch.sockets.length, 2);
  }),
);

test(
  "a socket that is closed while it shakes hands is adopted, or shut once open, without a word",
  scene(async (the) => {
    const { server, proxy, page, watch } = await slowHandshake(the);
    proxy.holds = true;
    await page.evaluate(() => {
      window.client = window.clientOf("ada");
      void window.client.connect();
    });
    await until("the handshake", () => proxy.upgrades === 1);

    const state = await page.evaluate(async () => {
      for (let time = 0; time < 5; time += 1) {
        await window.client.close();
        void window.client.connect();
      }
      await window.client.close();
      return window.client.state;
    });
    assert.equal(state, "closed");
    proxy.release();
    await server.hasLogged("Client closed", 1);
    assert.equal(proxy.upgrades, 1);
    assert.deepEqual(await server.connectionsWhenOpen("ada", 0), { open: 0, opened: 1 });

    await page.evaluate(() => window.client.connect());
    assert.equal(watch.sockets.length, 2);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    await server.hasHadAtMost(1);
  }),
);

test(
  "close() and connect() fifty times, each awaited: fifty sockets, never two at once",
  scene(async (the) => {
    const { folder } = the.use(plainSite());
    const server = await the.server({ site: folder });
    const { page, watch } = await the.open(server.url);

    const took = await page.evaluate(async () => {
      const client = window.clientOf("ada");
      const begun = performance.now();
      for (let time = 0; time < 50; time += 1) {
        await client.close();
        await client.connect();
      }
      return performance.now() - begun;
    });

    assert.equal(watch.sockets.length, 50);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 50 });
    await server.hasHadAtMost(1);
    await server.hasLogged("Closing existing connection", 0);
    the.print(`fifty connections took ${Math.round(took)} ms`);
  }),
);

test(
  "the same with a plain WebSocket: fifty-one sockets and complaints, so the watch would see it",
  scene(async (the) => {
    // How many of the abandoned handshakes the server sees, and how they end, is left to chance.
    const { server, page, watch } = await slowHandshake(the, { isReset: true, replaces: true });

    await page.evaluate(async () => {
      const { token } = await window.getToken("ada")({});
      const encoded = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      const connect = () =>
        new WebSocket(new URL("/ws", location.href.replace("http", "ws")), [
          "onesocket.v1",
          `onesocket.token.${encoded}`,
        ]);
      let socket = connect();
      for (let time = 0; time < 50; time += 1) {
        socket.close();
        socket = connect();
      }
      await new Promise((resolve) => {
        socket.onopen = resolve;
      });
    });

    const problems = watch.takeProblems();
    assert.equal(watch.sockets.length, 51);
    const early = "closed before the connection is established";
    assert.equal(problems.filter((line) => line.includes(early)).length, 50);
    the.print(`${problems.length} complaints; opened: ${(await server.connections("ada")).opened}`);
  }),
);

/** A page whose handshakes take 50 ms longer than they need. */
async function slowHandshake(the, serving) {
  const { folder } = the.use(plainSite());
  const server = await the.server({ site: folder, ...serving });
  const proxy = await the.proxy(server.url, { handshakeMs: 50 });
  const { page, watch } = await the.open(proxy.url);
  await page.evaluate(() => {
    /** Fifty times there and back in one tick; says what came of the calls. */
    window.thereAndBack = async (client) => {
      const closes = [];
      const connects = [];
      for (let time = 0; time < 50; time += 1) {
        closes.push(client.close());
        connects.push(client.connect());
      }
      const settled = await Promise.allSettled(connects);
      const count = (results, status) => results.filter((one) => one.status === status).length;
      return {
        closed: count(await Promise.allSettled(closes), "fulfilled"),
        connected: count(settled, "fulfilled"),
        refused: settled.filter((one) => one.reason?.code === "closed").length,
        state: client.state,
      };
    };
  });
  return { server, proxy, page, watch };
}
