/** The same user elsewhere: the older connection goes, says why, and does not come back unasked. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { signIn } from "./support/demo.mjs";
import { SITE } from "./support/paths.mjs";
import { openReact, reactSite } from "./support/react_page.mjs";
import { scene } from "./support/scene.mjs";

test(
  "who is replaced stays away, also when components come and go, until a person connects again",
  scene(async (the) => {
    const server = await the.server({ site: await reactSite(), replaces: true });
    const first = await openReact(the.open, server, { user: "ada" }, { clock: true });
    await first.isIn("connected");
    const second = await openReact(the.open, server, { user: "ada" }, { clock: true });
    await second.isIn("connected");

    const { error } = await first.isIn("failed");
    assert.equal(error.code, "replaced");
    assert.match(error.message, /connect\(\)/);
    await server.hasLogged("Closing existing connection", 1);

    for (let time = 0; time < 3; time += 1) {
      await first.show(0);
      await first.pass(10_000);
      await first.show(1);
      await first.pass(10_000);
    }
    assert.deepEqual(new Set(await first.shown()), new Set(["failed"]));
    assert.equal(first.watch.sockets.length, 1);
    assert.equal(first.watch.tokenRequests, 1);
    assert.equal((await second.status()).state, "connected");
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 2 });
    await server.hasLogged("Closing existing connection", 1);

    await first.page.evaluate(() => window.client.connect());
    assert.equal((await second.isIn("failed")).error.code, "replaced");
    assert.deepEqual(await server.connectionsWhenOpen("ada", 1), { open: 1, opened: 3 });
    await server.hasLogged("Closing existing connection", 2);
    await server.hasHadAtMost(1);
  }),
);

test(
  "the demo page says that the user is connected elsewhere, and its button takes over",
  scene(async (the) => {
    const server = await the.server({ site: SITE, replaces: true });
    const first = await signIn(the.open, server, "ada", { clock: true });
    await first.shows("state-badge", "connected");
    const second = await signIn(the.open, server, "ada", { clock: true });
    await second.shows("state-badge", "connected");

    await first.shows("state-badge", "failed");
    assert.equal(await first.part("error-message").getAttribute("data-code"), "replaced");
    await first.opened.pass(60_000);
    assert.equal(first.watch.sockets.length, 1);

    await first.click("reconnect-button");
    await first.shows("state-badge", "connected");
    await second.shows("state-badge", "failed");
    assert.deepEqual(await server.connectionsWhenOpen("ada", 1), { open: 1, opened: 3 });
    await server.hasLogged("Closing existing connection", 2);
  }),
);
