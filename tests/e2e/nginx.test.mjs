/** The server behind nginx, with TLS, configured as README says. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { makeApp, plainSite } from "./support/app.mjs";
import { freePort, HOST } from "./support/host.mjs";
import { CURL, NGINX, OPENSSL, ROOT } from "./support/paths.mjs";
import { connectsStill } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

/** The block of README, with the server's address and what a test changes. */
function block(server, change = (text) => text) {
  const [, text] = /^```nginx\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, "README.md"), "utf8"));
  return change(text.replace("127.0.0.1:8080", new URL(server.url).host));
}

/** Starts nginx in front of a server: its block for /ws, and all else as it comes. */
async function startNginx(the, server, location) {
  const app = the.use(makeApp("nginx"));
  const port = await freePort();
  const certificate = ["-subj", "/CN=onesocket", "-keyout", "key.pem", "-out", "cert.pem"];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", ...certificate];
  await promisify(execFile)(OPENSSL, request, { cwd: app.folder });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  app.write(
    "nginx.conf",
    `daemon off;
     master_process off;
     pid nginx.pid;
     error_log stderr;
     events {}
     http {
       access_log off;
       ${temporary.map((name) => `${name}_temp_path ${name};`).join("\n")}
       server {
         listen ${HOST}:${port} ssl;
         ssl_certificate cert.pem;
         ssl_certificate_key key.pem;
         ${location}
         location / {
           proxy_pass ${server.url};
           proxy_set_header Host $http_host;
           proxy_set_header X-Forwarded-Host $http_host;
         }
       }
     }`,
  );
  const args = ["-p", `${app.folder}/`, "-e", "stderr", "-c", "nginx.conf"];
  const child = spawn(NGINX, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    log += text;
  });
  const ended = once(child, "close");
  the.use({
    end: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    tell: () => ["nginx said:", log],
  });
  const isUp = async () => {
    const curl = ["--insecure", "--silent", "--output", "/dev/null", `https://${HOST}:${port}/healthz`];
    return await promisify(execFile)(CURL, curl).then(
      () => true,
      () => false,
    );
  };
  await until("nginx to answer", isUp);
  return `https://${HOST}:${port}`;
}

test(
  "a page behind nginx with TLS connects, on a port of its own",
  scene(async (the) => {
    const app = the.use(plainSite());
    const server = await the.server({ site: app.folder, args: ["--address-header", "X-Forwarded-For"] });
    const url = await startNginx(the, server, block(server));
    const { page } = await the.open(url, { ignoreHTTPSErrors: true });

    assert.equal(await connectsStill(page), "connected");
    await server.hasHadAtMost(1);
  }),
);

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
