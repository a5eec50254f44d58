/** What `server/openapi.yaml` says is what the server does: Schemathesis asks it all that the file has. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { makeApp } from "./support/app.mjs";
import { PYTHON, ROOT } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";

const PUBLISH_KEY = "k".repeat(32);

/** The same cases in each run: what is new is tried by whoever changes it. */
const CASES = ["--seed", "1", "--max-examples", "50", "--generation-database", "none", "--no-color"];

/** Asks a server what the file has, with a bearer; returns how many cases there were. */
async function ask(app, server, bearer, ...paths) {
  const schemathesis = join(dirname(PYTHON), "schemathesis");
  const target = [join(ROOT, "server/openapi.yaml"), "--url", server.url, "--checks", "all"];
  const args = ["run", ...target, ...CASES, ...paths, "-H", `Authorization: Bearer ${bearer}`];
  // It keeps its cases in the folder in which it runs.
  const asked = promisify(execFile)(schemathesis, args, { cwd: app.folder });
  const { stdout } = await asked.catch(({ stdout: said, message }) => assert.fail(said || message));
  const [, generated, passed] = /(\d+) generated, (\d+) passed/.exec(stdout) ?? [];
  assert.equal(passed, generated, stdout);
  return Number(passed);
}

test(
  "every answer is as the OpenAPI file says, and what it allows is accepted",
  scene(async (the) => {
    const app = the.use(makeApp("openapi"));
    app.write("publish-key", PUBLISH_KEY);
    const server = await the.server({ args: ["--publish-key-file", app.path("publish-key")] });

    const cases = await ask(app, server, PUBLISH_KEY, "--exclude-path", "/connections");
    const more = await ask(app, server, await server.token("ada"), "--include-path", "/connections");

    assert.ok(cases > 200 && more > 5, `${cases} and ${more} cases`);
    the.print(`cases: ${cases + more}`);
  }),
);
