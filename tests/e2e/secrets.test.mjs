/** A token is seen by the server it is for, and by nobody else. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

test(
  "a token appears in no log, no error, no event, no console line, no storage and no URL",
  scene(async (the) => {
    const args = ["--echo", "--log", "json"];
    // The client's own lines: it logs to the console here.
    const allow = [/🔌 WebSocket connection failed/];
    const { server, page, watch } = await plainPage(the, { allow }, { args });
    const offered = [];
    const devtools = await page.context().newCDPSession(page);
    devtools.on("Network.webSocketWillSendHandshakeRequest", ({ request }) => {
      offered.push(request.headers["Sec-WebSocket-Protocol"]);
    });
    await devtools.send("Network.enable");
    const good = await server.token("ada");

    const told = await page.evaluate(async (token) => {
      const refused = `canary.${"refused".repeat(3)}.canary`;
      const all = [];
      const watched = (getToken, more) => {
        const client = window.onesocket.createClient({
          url: "/ws",
          getToken,
          logger: console,
          ...more,
        });
        for (const event of ["state", "message", "error", "token"]) {
          client.on(event, (told) => all.push(event, JSON.stringify(told), String(told?.stack)));
        }
        client.subscribe(() => all.push(JSON.stringify(client.status)));
        return client;
      };
      const attempt = async (promise) => {
        try {
          await promise;
        } catch (error) {
          all.push(String(error), JSON.stringify(error), error.stack, String(error.cause));
        }
      };

      const ada = watched(() => token);
      await attempt(ada.connect());
      await attempt(ada.join("tea"));
      await attempt(ada.publish("coffee", 1));
      await new Promise((resolve) => {
        ada.on("message", resolve);
        ada.send("echo");
      });
      await attempt(ada.close());
      for (const answer of [
        refused,
        { token: refused, expiresInMs: -1 },
        { token: [refused] },
        [refused],
        refused.repeat(1000),
      ]) {
        await attempt(watched(() => answer, { reconnect: false }).connect());
      }
      const places = [localStorage, sessionStorage, document.cookie, location.href];
      const entries = performance.getEntries().map(({ name }) => name);
      return [...all, ...entries, ...places.map((place) => JSON.stringify(place))];
    }, good);

    const [, , signature] = good.split(".");
    const secrets = [good, signature, "canary"].flatMap((text) => [
      text,
      Buffer.from(text).toString("base64url"),
    ]);
    const heard = offered.join();
    // That the secrets are looked for in the right form: here they must be.
    assert.ok(heard.includes(secrets[1]) && heard.includes(secrets[5]), "the tokens were used");
    assert.ok(watch.console.some((line) => line.includes("🔌 WebSocket connect called")));
    assert.ok(server.logged("Token validation") >= 3, "the server has logged what came of them");
    const places = {
      "what was told": told,
      "the console": watch.console,
      "the server's log": [server.log],
      "the URLs": [...watch.requests, ...watch.sockets],
    };
    for (const [place, texts] of Object.entries(places)) {
      assert.ok(texts.length > 0, place);
      for (const secret of secrets) {
        const found = texts.find((text) => text.includes(secret));
        assert.equal(found, undefined, `${secret} is in ${place}`);
      }
    }
  }),
);
