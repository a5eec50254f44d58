/** nginx and Caddy with TLS, configured as README says. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

import { makeApp } from "./app.mjs";
import { startChild } from "./child.mjs";
import { freePort, HOST } from "./host.mjs";
import { CADDY, CURL, NGINX, OPENSSL, ROOT } from "./paths.mjs";
import { until } from "./wait.mjs";

/**
 * The block of README, with the server's address and what a test changes.
 *
 * @param {{ url: string }} server
 * @param {(text: string) => string} [change]
 * @param {"caddyfile" | "nginx"} [language]
 */
export function block(server, change = (text) => text, language = "nginx") {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms");
  const [, text] = fence.exec(readFileSync(join(ROOT, "README.md"), "utf8"));
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
  const { app, port } = await certified(the, "nginx");
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
  return await answering(port);
}

/**
 * Starts Caddy; returns its origin.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {{ url: string }} server - What all else is passed on to.
 * @param {string} directive - What it does with /ws.
 */
export async function startCaddy(the, server, directive) {
  const { app, port } = await certified(the, "caddy");
  app.write(
    "Caddyfile",
    `{
       admin off
       auto_https disable_redirects
     }
     https://${HOST}:${port} {
       bind ${HOST}
       tls cert.pem key.pem
       ${directive}
       reverse_proxy ${new URL(server.url).host}
     }`,
  );
  const args = ["run", "--config", "Caddyfile", "--adapter", "caddyfile"];
  // What it would write into the home of a user.
  const env = { ...process.env, XDG_CONFIG_HOME: app.folder, XDG_DATA_HOME: app.folder };
  the.use(startChild("caddy", CADDY, args, { cwd: app.folder, env }));
  return await answering(port);
}

/** A folder with a certificate for a proxy, and a port. */
async function certified(the, name) {
  const app = the.use(makeApp(name));
  const subject = ["-subj", "/CN=onesocket", "-addext", `subjectAltName=IP:${HOST}`];
  const certificate = [...subject, "-keyout", "key.pem", "-out", "cert.pem"];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", ...certificate];
  await promisify(execFile)(OPENSSL, request, { cwd: app.folder });
  return { app, port: await freePort() };
}

/** The origin of a proxy, once the server answers through it. */
async function answering(port) {
  const isUp = async () => {
    const curl = ["--insecure", "--silent", "--output", "/dev/null", `https://${HOST}:${port}/healthz`];
    return await promisify(execFile)(CURL, curl).then(
      () => true,
      () => false,
    );
  };
  await until("the proxy to answer", isUp);
  return `https://${HOST}:${port}`;
}
