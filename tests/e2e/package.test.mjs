/** The package as it is installed: it does nothing unasked, is complete, and does what README says. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";

import { makeApp } from "./support/app.mjs";
import { PACKAGE } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";

test(
  "in Node importing it does nothing, a page renders as idle, and connect() says where it belongs",
  scene(async (the) => {
    const app = the.use(makeApp("node").install());
    app.write("package.json", '{ "type": "module" }').write(
      "main.js",
      `const before = new Set(Reflect.ownKeys(globalThis));
       const { createClient } = await import("onesocket");
       const { ConnectionProvider, useConnection } = await import("onesocket/react");
       const added = Reflect.ownKeys(globalThis).filter((key) => !before.has(key));
       const resources = process.getActiveResourcesInfo();
       const active = resources.filter((name) => /Timeout|TCP|Port/.test(name));
       const { createElement } = await import("react");
       const { renderToString } = await import("react-dom/server");
       const client = createClient({ url: "wss://example.org/ws", getToken: () => "t" });
       const Shown = () => createElement("p", null, useConnection().state);
       const page = createElement(ConnectionProvider, { client }, createElement(Shown));
       const html = renderToString(page);
       delete globalThis.WebSocket;
       const code = await client.connect().catch((error) => error.code);
       console.log(JSON.stringify({ added, active, html, code }));`,
    );

    const said = JSON.parse(run(app, ["main.js"]));

    assert.deepEqual(said, { added: [], active: [], html: "<p>idle</p>", code: "unsupported" });
  }),
);

test("the tarball has the wasm in a script, types, texts and licences, and nothing that hides them", () => {
  const list = execFileSync("tar", ["-tzf", PACKAGE], { encoding: "utf8" });
  const files = list.trim().split("\n");

  for (const file of [
    "package.json",
    "client.js",
    "client.d.ts",
    "react.js",
    "react.d.ts",
    "README.md",
    "PROTOCOL.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
  ]) {
    assert.ok(files.includes(`package/${file}`), file);
  }
  const alien = /\.gitignore|\.npmignore|\.tgz|\.test\.|test_support|\.stamp|\.rs$|\.wasm/;
  assert.deepEqual(files.filter((file) => alien.test(file)), []);

  // Once for those who import it, and once for those who call `require()`.
  const read = (file) => execFileSync("tar", ["-xzOf", PACKAGE, file], { encoding: "utf8" });
  const scripts = files.filter((file) => file.endsWith(".js"));
  const withWasm = scripts.filter((file) => /FREQUENT\s*=\s*"/.test(read(file)));
  assert.deepEqual(withWasm.map((file) => file.replace(/\w+\.js$/, "")), [
    "package/cjs/parts/",
    "package/parts/",
  ]);
});

test(
  "the React example of the README is a whole application: it compiles, is built, and connects",
  scene(async (the) => {
    const app = the.use(makeApp("readme").install());
    const readme = app.read("node_modules/onesocket/README.md");
    const [, example] = /```tsx\n(.*?)```/s.exec(readme) ?? [];
    assert.ok(example, "the README has a block ```tsx");
    app
      .write("main.tsx", example)
      .write("tsconfig.json", JSON.stringify(STRICT))
      .write(
        "index.html",
        `<!doctype html><link rel="icon" href="data:," /><div id="root"></div>
         <script type="module" src="/main.tsx"></script>`,
      );

    run(app, ["node_modules/typescript/bin/tsc", "-p", "."]);
    run(app, ["node_modules/vite/bin/vite.js", "build", "--logLevel", "error"]);
    const server = await the.server({ site: app.path("dist"), args: ["--echo"] });
    // The example keeps its client to itself.
    const { page, watch } = await the.open(server.url, { keeps: true });
    const root = page.locator("#root");
    await root.getByText("connected").waitFor();

    const heard = page.waitForEvent("console", (line) => line.text() === "hello");
    await root.getByRole("button").click();
    await heard;
    assert.equal(watch.sockets.length, 1);
    await server.hasLogged("Total clients: 1", 1);
  }),
);

/** What a strict application asks of types, the package's own included. */
const STRICT = {
  compilerOptions: {
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable"],
    module: "esnext",
    moduleResolution: "bundler",
    jsx: "react-jsx",
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    noEmit: true,
  },
  include: ["main.tsx"],
};

/** Runs Node in a folder and returns what it prints; what it complains of is in the error. */
function run(app, args) {
  return execFileSync(process.execPath, args, {
    cwd: app.folder,
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
