/** nginx with TLS, configured as README says. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { makeApp } from "./app.mjs";
import { startChild } from "./child.mjs";
import { freePort, HOST } from "./host.mjs";
import { CURL, NGINX, OPENSSL, ROOT } from "./paths.mjs";
import { until } from "./wait.mjs";

/** The block of README, with the server's address and what a test changes. */
export function block(server, change = (text) => text) {
  const [, text] = /^```nginx\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, "README.md"), "utf8"));
  return change(text.replace("127.0.0.1:8080", new URL(server.url).host));
}

/**
 * Starts nginx; returns its origin.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {{ url: string }} server - What all else is passed on to.
 * @param {string} location - The block for /ws.
 */
export async function startNginx(the, server, location) {
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
  the.use(startChild("nginx", NGINX, args, { cwd: app.folder }));
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
