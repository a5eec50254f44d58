/** Where things are. `cargo xtask test e2e` builds them and says so in the environment. */

import { mkdirSync, mkdtempSync } from "node:fs";
import { join, resolve } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";

/** The repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The pages of these tests. */
export const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** The clients that are not ours. */
export const FOREIGN = fileURLToPath(new URL("../../foreign/", import.meta.url));

/** The npm packages of the demo page: Vite, React and what they need. */
export const MODULES = join(ROOT, "www/node_modules");

/** The program `onesocket-server`. */
export const SERVER = given("ONESOCKET_SERVER");

/** The browser's program. */
export const BROWSER = given("ONESOCKET_BROWSER");

/** The program caddy. */
export const CADDY = given("ONESOCKET_CADDY");

/** The program curl. */
export const CURL = given("ONESOCKET_CURL");

/** The program nginx. */
export const NGINX = given("ONESOCKET_NGINX");

/** The program openssl. */
export const OPENSSL = given("ONESOCKET_OPENSSL");

/** A Python that has what `tests/foreign/requirements.txt` names. */
export const PYTHON = given("ONESOCKET_PYTHON");

/** The demo page, built. */
export const SITE = given("ONESOCKET_SITE");

/** The page of `examples/yew`, built. */
export const EXAMPLE = given("ONESOCKET_EXAMPLE");

/** The npm package, as it is published. */
export const PACKAGE = given("ONESOCKET_PACKAGE");

/**
 * Makes an empty folder for a test.
 *
 * @param {string} name - What it is for.
 */
export function scratch(name) {
  const folder = join(ROOT, "target/e2e");
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(folder, `${name}-`));
}

/** @param {string} name */
function given(name) {
  const value = env[name];
  if (!value) throw new Error(`$${name} is not set: run these tests by \`cargo xtask test e2e\``);
  return resolve(ROOT, value);
}
