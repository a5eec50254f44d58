/** The server behind nginx and Caddy, with TLS, configured as README says. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainSite } from "./support/app.mjs";
import { block, startCaddy, startNginx } from "./support/proxies.mjs";
import { connectsStill } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

for (const [name, language, start] of [
  ["nginx", "nginx", startNginx],
  ["Caddy", "caddyfile", startCaddy],
]) {
  test(
    `a page behind ${name} with TLS connects, on a port of its own`,
    scene(async (the) => {
      const app = the.use(plainSite());
      const server = await the.server({ site: app.folder, args: ["--address-header", "X-Forwarded-For"] });
      const url = await start(the, server, block(server, undefined, language));
      const { page } = await the.open(url, { ignoreHTTPSErrors: true });

      assert.equal(await connectsStill(page), "connected");
      await server.hasHadAtMost(1);
    }),
  );
}

test(
  "with $host the port is lost: the page is a stranger, and is told what would allow it",
  scene(async (the) => {
    const app = the.use(plainSite());
    const server = await the.server({ site: app.folder });
    const withHost = block(server, (text) => text.replace("$http_host", "$host"));
    const url = await startNginx(the, server, withHost);
    const { page } = await the.open(url, { ignoreHTTPSErrors: true });

    const error = await page.evaluate(async () => {
      const client = window.clientOf("zoe");
      return await client.connect().catch(({ code, message }) => ({ code, message }));
    });

    assert.equal(error.code, "refused");
    assert.match(error.message, /--allow-origin/);
    await server.hasLogged("Origin not allowed", 1);
  }),
);

test(
  "where a proxy writes the host into a header of its own, that header is named",
  scene(async (the) => {
    const app = the.use(plainSite());
    const server = await the.server({ site: app.folder, args: ["--host-header", "X-Forwarded-Host"] });
    const forwarded = block(server, (text) =>
      text.replace("Host $http_host;", "Host $host; proxy_set_header X-Forwarded-Host $http_host;"),
    );
    const url = await startNginx(the, server, forwarded);
    const { page } = await the.open(url, { ignoreHTTPSErrors: true });

    assert.equal(await connectsStill(page), "connected");
  }),
);
