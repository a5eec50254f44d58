/** Servers that are not ours: what holds over `onesocket.v1` holds with the application's own wire. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FOREIGN, startForeignServer } from "./support/foreign_server.mjs";
import { plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** The default interval of a wire that has a ping, and `heartbeat.timeoutMs`. */
const PING_MS = 25_000;
const ANSWER_MS = 10_000;

/** `intervalMs` and the most that jitter adds. */
const RETRY_MS = 5500;

/** What timers may come late. */
const TIMER_MS = 100;

const CANARY = "canary-token";

for (const name of FOREIGN) {
  const play = (what, act, options) =>
    test(
      `${name}: ${what}`,
      scene(async (the) => {
        const foreign = the.use(await startForeignServer(name));
        const { opened, page } = await plainPage(the, options);
        await page.evaluate(prepare, { ws: foreign.ws, token: CANARY });
        await act({ foreign, opened, page });
      }),
    );

  play("text and bytes pass untouched, in order, what waited too", async ({ foreign, page }) => {
    const heard = await page.evaluate(async () => {
      const client = window.make({ wire: {} });
      client.send('{"a":1}');
      client.send(new Uint8Array([0, 1, 255]));
      await client.connect();
      client.send("");
      client.send("ünï😀");
      client.send(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
      return await window.heardBy(client, 5);
    });

    assert.deepEqual(heard, ['{"a":1}', [0, 1, 255], "", "ünï😀", [2, 3]]);
    await foreign.heard(['{"a":1}', "0,1,255", "", "ünï😀", "2,3"]);
    assert.deepEqual(foreign.openings[0].protocols, []);
  });

  play("the token goes where the application wants it", async ({ foreign, page }) => {
    await page.evaluate(async () => {
      const getToken = () => window.token;
      const places = [
        { url: (token) => `${window.ws}?token=${token}` },
        { protocols: (token) => ["chat", `token.${token}`] },
        { hello: (token) => `hello ${token}` },
      ];
      for (const wire of places) {
        const client = window.make({ getToken, wire });
        client.send("waited");
        await client.connect();
        await window.heardBy(client, wire.hello ? 2 : 1);
        await client.close();
      }
    });

    await foreign.heard(["waited", "waited", `hello ${CANARY}`, "waited"]);
    await foreign.has({ opened: 3, open: 0 });
    const [byUrl, byProtocol, byHello] = foreign.openings;
    assert.equal(byUrl.path, `/ws?token=${CANARY}`);
    assert.deepEqual(byProtocol.protocols, ["chat", `token.${CANARY}`]);
    assert.deepEqual([byHello.path, byHello.protocols], ["/ws", []]);
  });

  play("a server that says when is waited for, and what is sent is made by encode", async ({ foreign, page }) => {
    const heard = await page.evaluate(async () => {
      const told = [];
      const client = window.make({
        getToken: () => window.token,
        wire: {
          hello: (token) => `hello ${token}`,
          // This server echoes: its own word would be `auth_ok`.
          ready: (data) => told.push(`asked of ${data}`) && data === `hello ${window.token}`,
          encode: JSON.stringify,
        },
      });
      client.on("state", ({ current }) => told.push(current));
      client.on("message", ({ data }) => told.push(data));
      client.send({ waits: true });
      await client.connect();
      client.send(["out"]);
      await window.heardBy(client, 1);
      return told;
    });

    const echo = `hello ${CANARY}`;
    assert.deepEqual(heard.slice(0, 4), ["connecting", `asked of ${echo}`, "connected", echo]);
    await foreign.heard([echo, '{"waits":true}', '["out"]']);
  });

  play(
    "a server that is asked and answers stays; one that does not is replaced",
    async ({ foreign, opened, page }) => {
      await page.evaluate(async () => {
        const wire = { ping: () => "ping", isPong: (data) => data === "pong" };
        await window.make({ wire }).connect();
      });
      await opened.pass(PING_MS + TIMER_MS);
      await until("the ping", () => foreign.messages.includes("ping"));
      await page.evaluate(async () => {
        window.client.send("after it");
        await window.heardBy(window.client, 1);
      });
      assert.deepEqual(await page.evaluate(() => window.heard), ["after it"]);
      await opened.pass(ANSWER_MS);
      assert.equal(await page.evaluate(() => window.client.state), "connected");

      await page.evaluate(() => window.client.send("mute"));
      await until("the end of answers", () => foreign.messages.includes("mute"));
      // Ten seconds of its silence have passed already.
      await opened.pass(PING_MS + 2 * TIMER_MS);
      assert.equal(await page.evaluate(() => window.client.state), "waiting");
      await opened.pass(RETRY_MS);
      await until("the connection", () => page.evaluate(() => window.client.isConnected()));

      await foreign.has({ opened: 2, open: 1 });
    },
    { clock: true },
  );

  play(
    "a token is refreshed over the open connection by the application's message",
    async ({ foreign, opened, page }) => {
      await page.evaluate(async () => {
        let count = 0;
        const getToken = () => ({ token: `t${(count += 1)}`, expiresInMs: 300_000 });
        const wire = { hello: (token) => `hello ${token}`, refresh: (token) => `refresh ${token}` };
        await window.make({ getToken, wire }).connect();
      });
      await opened.pass(240_500);
      await until("the new token", () => foreign.messages.includes("refresh t2"));
      const left = await page.evaluate(async () => {
        await window.client.refreshToken();
        return window.client.status.tokenExpiresAtMs - Date.now();
      });
      await until("the next token", () => foreign.messages.includes("refresh t3"));

      assert.equal(left, 300_000);
      await foreign.heard(["hello t1", "refresh t2", "refresh t3"]);
      await foreign.has({ opened: 1, open: 1 });
    },
    { clock: true },
  );

  play(
    "the application says which codes are final, and which want a fresh token",
    async ({ foreign, opened, page }) => {
      const ended = async (code, state) => {
        await page.evaluate((text) => window.client.send(text), `close ${code}`);
        await until(`${state} after ${code}`, () =>
          page.evaluate((wanted) => window.client.state === wanted, state),
        );
      };
      await page.evaluate(async () => {
        let count = 0;
        const getToken = () => `t${(count += 1)}`;
        const advice = { 1000: "soon", 3000: "fresh-token", 4001: "never" };
        const wire = { hello: (token) => token, retry: (code) => advice[code] };
        await window.make({ getToken, wire }).connect();
      });

      await ended(1000, "waiting");
      await opened.pass(RETRY_MS);
      await until("t2", () => foreign.messages.includes("t2"));
      await page.evaluate(() => window.client.connect());
      await page.evaluate(() => window.client.send("close 3000"));
      await until("t3", () => foreign.messages.includes("t3"));
      await page.evaluate(() => window.client.connect());
      await ended(4001, "failed");

      const { code } = await page.evaluate(() => window.client.status.error);
      assert.equal(code, "refused");
      await foreign.has({ opened: 3, open: 0 });
    },
    { clock: true },
  );

  play("however many ask, there is one socket, and it is counted", async ({ foreign, page }) => {
    const stats = await page.evaluate(async () => {
      const client = window.make({ wire: {} });
      await Promise.all(Array.from({ length: 50 }, () => client.connect()));
      const closing = [];
      for (let n = 0; n < 50; n += 1) {
        closing.push(client.close());
        client.connect();
      }
      await Promise.all(closing);
      await client.connect();
      client.send("four");
      await window.heardBy(client, 1);
      return client.stats();
    });

    assert.deepEqual(stats, {
      attempts: 2,
      socketsOpened: 2,
      reconnects: 0,
      refreshes: 0,
      staleEvents: 0,
      messagesIn: 1,
      messagesOut: 1,
      bytesIn: 4,
      bytesOut: 4,
    });
    await foreign.has({ opened: 2, open: 1 });
  });

  play("what ends unsent is reported, and there are no groups", async ({ page }) => {
    const told = await page.evaluate(async () => {
      const client = window.make({ wire: {} });
      const errors = [];
      client.on("error", (error) => errors.push([error.code, error.undelivered]));
      const codes = [];
      await client.connect();
      for (const call of [client.join("tea"), client.leave("tea"), client.publish("tea", 1)]) {
        codes.push((await window.outcome(call)).code);
      }
      client.send("close 4000");
      await new Promise((next) => client.on("state", next));
      client.send("text");
      client.send(new Uint8Array([7]));
      await client.close();
      const undelivered = errors.flatMap(([, lost]) => lost);
      return { codes, undelivered: undelivered.map((one) => (one.length === 1 ? [...one] : one)) };
    });

    assert.deepEqual(told.codes, ["unsupported", "unsupported", "unsupported"]);
    assert.deepEqual(told.undelivered, ["text", [7]]);
  });
}

/** Gives the page what the tests above use. */
function prepare({ ws, token }) {
  window.ws = ws;
  window.token = token;
  window.make = (options) => {
    const client = window.onesocket.createClient({ url: ws, ...options });
    window.client = client;
    window.heard = [];
    client.on("message", ({ data }) => {
      window.heard.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
    });
    return client;
  };
  window.heardBy = async (client, count) => {
    if (window.heard.length < count) {
      await new Promise((next) => {
        client.on("message", () => window.heard.length >= count && next());
      });
    }
    return window.heard;
  };
}
