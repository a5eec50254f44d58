/**
 * Where the package is used: it connects there with nothing configured and no file copied. `cargo xtask
 * consumers` tries more.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

import { tryOut } from "../consumers/consumer.mjs";
import { CONSUMERS } from "../consumers/consumers.mjs";
import { makeApp, vite } from "./support/app.mjs";
import { signIn } from "./support/demo.mjs";
import { FLAGS } from "./support/flags.mjs";
import { BROWSER, ROOT } from "./support/paths.mjs";
import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

const WWW = join(ROOT, "www");

/** How long one may take that installs npm packages first, in milliseconds. */
const CONSUMER_LIMIT = 300_000;

/** A folder with the package, and `connects()` for who has neither a bundler nor an import map. */
function appThatConnects(name) {
  const shared = readFileSync(join(ROOT, "tests/consumers/apps/shared/connects.js"), "utf8");
  const connects = shared.replace('"onesocket"', '"/node_modules/onesocket/client.js"');
  return makeApp(name).installPackage().write("connects.js", connects);
}

const IMPORT = 'import { connects } from "./connects.js";';

/** Where `connects()` is to connect. */
const placeOf = async (server) => ({ url: server.ws, token: await server.token("ada") });

const CONNECTED = { state: "connected", data: "hello" };

test(
  "a page with modules and an import map",
  scene(async (the) => {
    const { server, page, watch } = await plainPage(the);

    assert.equal(await connectsStill(page), "connected");
    const asked = watch.requests.map((url) => new URL(url).pathname);
    const ours = asked.filter((path) => path.startsWith("/node_modules/onesocket/"));
    // Each entry is a file, and what they share stands in two more at most.
    assert.ok(ours.length <= 4 && ours.every((path) => path.endsWith(".js")), ours.join(", "));
    assert.equal(watch.sockets.length, 1);
    await server.hasHadAtMost(1);
  }),
);

test(
  "Vite's dev server",
  scene(async (the) => {
    const server = await the.server();
    const { folder } = the.use(makeApp("dev").copy(WWW).install());
    const { createServer } = await vite();
    // The demo page's own configuration asks where the server is.
    process.env.ONESOCKET_URL = server.url;
    const dev = await createServer({
      root: folder,
      logLevel: "error",
      server: { host: "127.0.0.1", port: 0 },
    });
    the.use({ end: () => dev.close() });
    await dev.listen();
    const { port } = dev.httpServer.address();

    const ada = await signIn(the.open, { url: `http://127.0.0.1:${port}` }, "ada");
    await ada.shows("state-badge", "connected");

    assert.equal((await server.connections("ada")).open, 1);
    await server.hasHadAtMost(1);
    // The development build of React: Strict Mode mounts twice here.
    assert.equal(ada.watch.sockets.length, 1);
  }),
);

test(
  "Vite's build",
  scene(async (the) => {
    const app = the.use(makeApp("build").copy(WWW).install());
    await run(app, ["node_modules/vite/bin/vite.js", "build", "--logLevel", "error"]);
    const server = await the.server({ site: app.path("dist") });

    const ada = await signIn(the.open, server, "ada");
    await ada.shows("state-badge", "connected");

    assert.deepEqual(ada.watch.requests.filter((url) => url.endsWith(".wasm")), []);
    assert.deepEqual(await server.connections("ada"), { open: 1, opened: 1 });
  }),
);

for (const consumer of CONSUMERS.filter(({ isQuick }) => isQuick)) {
  test(
    consumer.name,
    scene((the) => tryOut(the, consumer), CONSUMER_LIMIT),
  );
}

test(
  "a module worker",
  scene(async (the) => {
    const app = the.use(appThatConnects("worker"));
    app
      .write("worker.js", `${IMPORT}\nself.onmessage = async ({ data }) => postMessage(await connects(data));`)
      .write("index.html", `<!doctype html><link rel="icon" href="data:," />`);
    const server = await the.server({ site: app.folder, args: ["--echo"] });
    const { page } = await the.open(server.url);

    const found = await page.evaluate(
      (at) =>
        new Promise((resolve, reject) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage(at);
        }),
      await placeOf(server),
    );

    assert.deepEqual(JSON.parse(found), CONNECTED);
  }),
);

test(
  "a service worker, as an extension has it: nothing can be imported or fetched late",
  scene(async (the) => {
    const app = the.use(appThatConnects("service"));
    app
      .write(
        "worker.js",
        `${IMPORT}
         self.onmessage = (event) => {
           const { data, source } = event;
           event.waitUntil(connects(data).then((found) => source.postMessage(found)));
         };`,
      )
      .write("index.html", `<!doctype html><link rel="icon" href="data:," />`);
    const server = await the.server({ site: app.folder, args: ["--echo"] });
    const { page } = await the.open(server.url);

    const found = await page.evaluate(async (at) => {
      await navigator.serviceWorker.register("/worker.js", { type: "module" });
      const { active } = await navigator.serviceWorker.ready;
      return await new Promise((resolve) => {
        navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
        active.postMessage(at);
      });
    }, await placeOf(server));

    assert.deepEqual(JSON.parse(found), CONNECTED);
  }),
);

test(
  "the service worker of a browser extension",
  scene(async (the) => {
    const app = the.use(appThatConnects("extension"));
    const manifest = {
      manifest_version: 3,
      name: "an extension",
      version: "1",
      background: { service_worker: "worker.js", type: "module" },
      content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'" },
    };
    app
      .write("manifest.json", JSON.stringify(manifest))
      .write("worker.js", `${IMPORT}\nself.connects = connects;`);
    const context = await chromium.launchPersistentContext("", {
      executablePath: BROWSER,
      // Only the browser's newer headless mode has extensions.
      headless: false,
      args: [
        ...["--headless=new", "--disable-features=DisableLoadExtensionCommandLineSwitch"],
        ...[`--disable-extensions-except=${app.folder}`, `--load-extension=${app.folder}`],
        ...FLAGS.filter((flag) => flag !== "--disable-extensions"),
      ],
    });
    the.use({ end: () => context.close() });
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
    const origin = worker.url().slice(0, worker.url().lastIndexOf("/"));
    const server = await the.server({ args: ["--echo", "--allow-origin", origin] });

    const found = await worker.evaluate((at) => self.connects(at), await placeOf(server));

    assert.deepEqual(JSON.parse(found), CONNECTED);
  }),
);

/** Runs Node in a folder and returns what it prints; what it complains of is in the error. */
async function run(app, args) {
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: app.folder,
    encoding: "utf8",
    timeout: 60_000,
  });
  return stdout;
}
