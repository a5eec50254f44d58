/** Folders with the package in them, installed from its tarball as a user has it. */

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { FIXTURES, MODULES, PACKAGE, ROOT, scratch } from "./paths.mjs";

/** A folder of a test. */
class App {
  constructor(name) {
    this.folder = scratch(name);
  }

  path(...parts) {
    return join(this.folder, ...parts);
  }

  /** @param {string} folder - Is copied into this one, without its dependencies and products. */
  copy(folder) {
    const left = ["node_modules", "dist"];
    const filter = (source) => !left.some((name) => source === join(folder, name));
    cpSync(folder, this.folder, { recursive: true, filter });
    return this;
  }

  /** Reads a file. */
  read(name) {
    return readFileSync(this.path(name), "utf8");
  }

  /** Writes a file. */
  write(name, text) {
    writeFileSync(this.path(name), text);
    return this;
  }

  /** Installs the package, and nothing else. */
  installPackage() {
    const folder = this.path("node_modules/onesocket");
    mkdirSync(folder, { recursive: true });
    execFileSync("tar", ["-xzf", PACKAGE, "--strip-components=1", "-C", folder]);
    return this;
  }

  /** Links to packages of the repository's root. */
  link(...names) {
    for (const name of names) {
      symlinkSync(join(ROOT, "node_modules", name), this.path("node_modules", name));
    }
    return this;
  }

  /** Installs the package, and links to the packages of the demo page: React, Vite. */
  install() {
    this.installPackage();
    for (const name of readdirSync(MODULES)) {
      if (name === "onesocket" || name.startsWith(".")) continue;
      symlinkSync(join(MODULES, name), this.path("node_modules", name));
    }
    return this;
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Goes with the test. */
  async end() {
    this.remove();
  }
}

/** @param {string} name */
export function makeApp(name) {
  return new App(name);
}

/** A page without a bundler, in which `window.onesocket` is the package. */
export function plainSite() {
  return makeApp("plain").copy(join(FIXTURES, "plain")).installPackage();
}

/**
 * Builds a folder with Vite and returns where the result is.
 *
 * @param {App} app
 * @param {"development" | "production"} mode - Which React is built in.
 */
export async function build(app, mode) {
  const { build: viteBuild } = await vite();
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = mode;
  try {
    await viteBuild({ root: app.folder, mode, logLevel: "error", build: { minify: false } });
  } finally {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  }
  return app.path("dist");
}

/** Vite, as the demo page has it. */
export async function vite() {
  return await import(pathToFileURL(join(MODULES, "vite/dist/node/index.js")).href);
}
