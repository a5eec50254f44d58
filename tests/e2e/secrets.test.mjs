/** A token is seen by the server it is for, and by nobody else. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** In every token that is no good. It is long enough that nothing else is like it. */
const CANARY = "canary".repeat(5);

/** The client's own lines: it logs to the console here. */
const LINES = /🔌 (WebSocket connection failed|WebSocket error|No WebSocket connection|Reconnecting)/;

for (const format of ["json", "text"]) {
  test(
    `a token appears in no log (the server's in ${format}), no error, no event, no console line, no storage and no URL`,
    scene(async (the) => {
      const { server, page, watch, offered } = await listeningPage(the, format);
      const [good, bobs] = [await server.token("ada"), await server.token("bob")];

      await page.evaluate(
        async ([token, others, canary]) => {
          let answer = token;
          const ada = window.watched(() => answer);
          await window.attempt(ada.connect());
          await window.attempt(ada.join("tea"));
          await window.attempt(ada.publish("coffee", 1));
          await new Promise((resolve) => {
            ada.on("message", resolve);
            ada.send("echo");
          });
          await window.attempt(ada.refreshToken());
          // Over the open connection: refused, as is one of another user.
          for (answer of [`${canary}.refresh`, others]) await window.attempt(ada.refreshToken());
          await window.attempt(ada.close());
          for (const refused of [
            canary,
            { token: canary, expiresInMs: -1 },
            { token: [canary] },
            [canary],
            `${canary}\n`,
            canary.repeat(1000),
          ]) {
            const client = window.watched(() => refused, { reconnect: false });
            await window.attempt(client.connect());
          }
        },
        [good, bobs, CANARY],
      );

      // That the tokens are looked for in the right form: here they must be.
      for (const token of [good, CANARY]) assert.ok(offered.join().includes(base64url(token)));
      assert.ok(watch.console.some((line) => line.includes("🔌 WebSocket connect called")));
      await until("what came of the tokens", () => server.logged("Token validation") >= 6);
      await findNone([good, bobs, CANARY, server.secret], { server, page, watch });
    }),
  );
}

test(
  "a getToken that fails with a token in what it says gives nothing away, at connect and at refresh",
  scene(async (the) => {
    const { server, page, watch } = await listeningPage(the, "text");
    const good = await server.token("ada");

    const codes = await page.evaluate(
      async ([token, canary]) => {
        const failures = [
          () => {
            throw new Error(`no good: ${canary}`);
          },
          () => Promise.reject(new TypeError(canary, { cause: canary })),
          () => Promise.reject(new DOMException(canary, "AbortError")),
          // The engine's own error quotes what it could not read.
          () => JSON.parse(canary),
          async () => await new Response(`${canary} `).json(),
          () => {
            throw canary;
          },
          () => Promise.reject({ message: canary, token: canary }),
        ];
        const found = [];
        for (const failure of failures) {
          const client = window.watched(failure, { reconnect: false });
          found.push((await window.outcome(client.connect())).code);
          await window.attempt(client.connect());
          let answer = () => token;
          const connected = window.watched(() => answer());
          await connected.connect();
          answer = failure;
          found.push((await window.outcome(connected.refreshToken())).code);
          await window.attempt(connected.refreshToken());
          await connected.close();
        }
        return found;
      },
      [good, CANARY],
    );

    assert.deepEqual(new Set(codes), new Set(["attempts-exhausted", "token-failed"]));
    assert.equal(codes.length, 14);
    await findNone([good, CANARY, server.secret], { server, page, watch });
  }),
);

test(
  "a server that is gone, or that repeats a token in frames that make no sense, gives nothing away",
  scene(async (the) => {
    const { server, page, watch } = await listeningPage(the, "text");
    const fault = await the.faultServer();
    watch.allow(/WebSocket connection to '[^']*' failed/);
    const next = fault.nextPeer();
    await page.evaluate(
      ([url, canary]) => {
        window.client = window.watched(() => canary, { url, reconnect: false });
        void window.attempt(window.client.connect());
      },
      [fault.ws, CANARY],
    );
    const peer = await next;
    await until("connected", () => page.evaluate(() => window.client.isConnected()));

    const senseless = [CANARY, `"${CANARY}"`, `["${CANARY}"]`, `{"${CANARY}":1}`];
    senseless.push(`{"type":"${CANARY}"}`, `{"type":"${CANARY}.1"}`);
    for (const type of ["ack", "error", "message", "refreshed", "welcome"]) {
      senseless.push(JSON.stringify({ type, token: CANARY }));
    }
    for (const text of senseless) peer.text(text);
    const errors = () => page.evaluate(() => window.errors);
    await until("all are told", async () => (await errors()) === senseless.length);
    peer.close(1011);
    await until("it has failed", () => page.evaluate(() => window.client.state === "failed"));
    await fault.end();
    await page.evaluate(() => window.attempt(window.client.connect()));

    assert.equal(watch.sockets.length, 2);
    await findNone([CANARY], { server, page, watch });
  }),
);

/** A page in which all that is told is kept, and what browsers offer to servers. */
async function listeningPage(the, format) {
  const args = ["--echo", "--log", format];
  const { server, page, watch } = await plainPage(the, { allow: [LINES] }, { args });
  const offered = [];
  const devtools = await page.context().newCDPSession(page);
  devtools.on("Network.webSocketWillSendHandshakeRequest", ({ request }) => {
    offered.push(request.headers["Sec-WebSocket-Protocol"]);
  });
  await devtools.send("Network.enable");
  await page.evaluate(() => {
    const all = [];
    window.all = all;
    window.errors = 0;
    const keep = (error) => {
      all.push(String(error), JSON.stringify(error), error.message, error.stack);
      all.push(String(error.cause), JSON.stringify(error.undelivered));
    };
    /** A client of which everything is kept. */
    window.watched = (getToken, more) => {
      const options = { url: "/ws", getToken, logger: console, ...more };
      const client = window.onesocket.createClient(options);
      for (const event of ["state", "message", "token"]) {
        client.on(event, (told) => all.push(event, JSON.stringify(told)));
      }
      client.on("error", (error) => {
        window.errors += 1;
        keep(error);
      });
      client.subscribe(() => all.push(JSON.stringify(client.status), JSON.stringify(client)));
      return client;
    };
    /** Waits for a promise; its error is kept. */
    window.attempt = async (promise) => {
      try {
        await promise;
      } catch (error) {
        keep(error);
      }
    };
  });
  return { server, page, watch, offered };
}

/** Looks for tokens everywhere but where they belong, as they are and as they travel. */
async function findNone(tokens, { server, page, watch }) {
  const told = await page.evaluate(() => {
    const places = [localStorage, sessionStorage, history.state, { ...document.body?.dataset }];
    const texts = [document.cookie, location.href, document.title, window.name];
    const entries = performance.getEntries().map((entry) => JSON.stringify(entry));
    return [...window.all, ...entries, ...texts, ...places.map((place) => JSON.stringify(place))];
  });
  const places = {
    "what was told": told.map(String),
    "the console": watch.console,
    "the server's log": [server.log],
    "the URLs": [...watch.requests, ...watch.sockets],
  };
  const parts = tokens.flatMap((token) => {
    const [, , signature] = token.split(".");
    return signature === undefined ? [token] : [token, signature];
  });
  for (const [place, texts] of Object.entries(places)) {
    assert.ok(texts.length > 0, place);
    for (const secret of parts.flatMap((part) => [part, base64url(part)])) {
      const found = texts.find((text) => text.includes(secret));
      assert.equal(found, undefined, `${secret} is in ${place}`);
    }
  }
}

function base64url(text) {
  return Buffer.from(text).toString("base64url");
}
