/** Where the package is used: it connects there with nothing configured and no file copied. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";

import { makeApp, vite } from "./support/app.mjs";
import { signIn } from "./support/demo.mjs";
import { ROOT } from "./support/paths.mjs";
import { connectsStill, plainPage } from "./support/plain_page.mjs";
import { scene } from "./support/scene.mjs";

const WWW = join(ROOT, "www");

/** A script that connects, sends a message to itself by the server's echo, and says how it stands. */
const MAIN = `
  import { createClient } from "onesocket";

  const getToken = async () => {
    const answer = await fetch(new URL("/token", ORIGIN), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: USER }),
    });
    return await answer.json();
  };
  const client = createClient({ url: ORIGIN.replace("http", "ws") + "/ws", getToken, ...MORE });
  const heard = new Promise((resolve) => client.on("message", ({ data }) => resolve(data)));
  await client.connect();
  client.send("hello");
  const data = await heard;
  const { state } = client;
  client.free();
  TELL({ state, data });
`;

/** Returns {@link MAIN} with what it leaves open, as expressions; `more` holds options of the client. */
function main({ origin = "location.origin", user = '"ada"', more = "{}", tell, before = "" }) {
  return `
    ${before}
    const ORIGIN = ${origin};
    const USER = ${user};
    const MORE = ${more};
    const TELL = ${tell};
    ${MAIN}
  `;
}

const CONNECTED = { state: "connected", data: "hello" };

test(
  "a page with modules and an import map",
  scene(async (the) => {
    const { server, page, watch } = await plainPage(the);

    assert.equal(await connectsStill(page), "connected");
    assert.deepEqual(watch.requests.filter((url) => url.endsWith(".wasm")), []);
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

const ESBUILD = [join(ROOT, "node_modules/esbuild/bin/esbuild"), "main.js", "--bundle"];

const BUNDLERS = {
  "esbuild with its defaults, as a module": [...ESBUILD, "--format=esm", "--outfile=bundle.js"],
  "esbuild as a classic script, minified": [
    ...ESBUILD,
    "--minify",
    "--format=iife",
    "--outfile=bundle.js",
  ],
  "Rollup with node-resolve alone": [
    join(ROOT, "node_modules/rollup/dist/bin/rollup"),
    ...["main.js", "--plugin", join(ROOT, "node_modules/@rollup/plugin-node-resolve/dist/cjs/index.js")],
    ...["--format", "es", "--file", "bundle.js", "--failAfterWarnings"],
  ],
};

for (const [name, command] of Object.entries(BUNDLERS)) {
  test(
    name,
    scene(async (the) => {
      const isModule = !command.includes("--format=iife");
      const app = the.use(makeApp("bundle").installPackage());
      const script = main({ tell: "(found) => { window.found = found; }" });
      // A classic script has no await of its own.
      const body = script.replace('import { createClient } from "onesocket";', "");
      app
        .write(
          "main.js",
          `import { createClient } from "onesocket";\n(async () => {${body}})();`,
        )
        .write(
          "index.html",
          `<!doctype html><link rel="icon" href="data:," />
           <script ${isModule ? 'type="module"' : "defer"} src="/bundle.js"></script>`,
        );
      // A program of its own is run as it is; a script, by Node.
      const [program, ...args] = command;
      if (program.endsWith("esbuild")) await promisify(execFile)(program, args, { cwd: app.folder });
      else await run(app, command);
      const server = await the.server({ site: app.folder, args: ["--echo"] });

      // The script keeps its client to itself.
      const { page, watch } = await the.open(server.url, { keeps: true });
      const found = await page.waitForFunction(() => window.found);

      assert.deepEqual(await found.jsonValue(), CONNECTED);
      assert.equal(watch.requests.filter((url) => url.endsWith(".wasm")).length, 0);
    }),
  );
}

test(
  "a module worker",
  scene(async (the) => {
    const app = the.use(makeApp("worker").installPackage());
    app
      .write("worker.js", main({ tell: "postMessage" }).replace('"onesocket"', PATH))
      .write("index.html", `<!doctype html><link rel="icon" href="data:," />`);
    const server = await the.server({ site: app.folder, args: ["--echo"] });
    const { page } = await the.open(server.url);

    const found = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        }),
    );

    assert.deepEqual(found, CONNECTED);
  }),
);

test(
  "a service worker, as an extension has it: nothing can be imported or fetched late",
  scene(async (the) => {
    const app = the.use(makeApp("service").installPackage());
    const script = main({ tell: "(found) => source.postMessage(found)" });
    const body = script.replace('import { createClient } from "onesocket";', "");
    app
      .write(
        "worker.js",
        `import { createClient } from ${PATH};
         self.onmessage = (event) => {
           const { source } = event;
           event.waitUntil((async () => {${body}})());
         };`,
      )
      .write("index.html", `<!doctype html><link rel="icon" href="data:," />`);
    const server = await the.server({ site: app.folder, args: ["--echo"] });
    const { page } = await the.open(server.url);

    const found = await page.evaluate(async () => {
      await navigator.serviceWorker.register("/worker.js", { type: "module" });
      const { active } = await navigator.serviceWorker.ready;
      return await new Promise((resolve) => {
        navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
        active.postMessage("connect");
      });
    });

    assert.deepEqual(found, CONNECTED);
  }),
);

/** How a script without a bundler or an import map names the package. */
const PATH = '"/node_modules/onesocket/client.js"';

const NODES = {
  "Node with the package ws": {
    before: 'import { WebSocket } from "ws"; delete globalThis.WebSocket;',
    more: "{ WebSocket }",
    flags: [],
  },
  "Node with a WebSocket of its own": {
    // Node 22 has it without the flag, and takes the flag.
    before: "",
    more: "{}",
    flags: ["--experimental-websocket"],
  },
};

for (const [name, { before, more, flags }] of Object.entries(NODES)) {
  test(
    name,
    scene(async (the) => {
      const server = await the.server({ args: ["--echo"] });
      const app = the.use(makeApp("node").installPackage().link("ws"));
      const tell = "(found) => console.log(JSON.stringify(found))";
      app
        .write("package.json", '{ "type": "module" }')
        .write("main.js", main({ origin: JSON.stringify(server.url), more, tell, before }));

      // That it ends by itself says that nothing is left running.
      const said = await run(app, ["--no-warnings", ...flags, "main.js"]);

      assert.deepEqual(JSON.parse(said), CONNECTED);
      await server.connectionsWhenOpen("ada", 0);
    }),
  );
}

test(
  "Vitest with jsdom",
  scene(async (the) => {
    const server = await the.server({ args: ["--echo", "--allow-origin", "http://localhost:3000"] });
    const app = the.use(makeApp("vitest").installPackage().link("vitest", "jsdom", "vite"));
    const tell = '(found) => test("it connects", () => expect(found).toEqual(JSON.parse(EXPECTED)))';
    const before = `import { expect, test } from "vitest";
      const EXPECTED = ${JSON.stringify(JSON.stringify(CONNECTED))};`;
    app
      .write("package.json", '{ "type": "module" }')
      .write("main.test.js", main({ origin: JSON.stringify(server.url), tell, before }));

    const said = await run(app, [
      ...[join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--environment", "jsdom"],
    ]);

    assert.match(said, /1 passed/);
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
