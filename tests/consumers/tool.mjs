/** A tool of `tools/`, installed as its lock file says, with the package beside it. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startChild } from "../e2e/support/child.mjs";
import { PACKAGE, ROOT } from "../e2e/support/paths.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** How long npm, or what builds an application, may take, in milliseconds. */
const LIMIT = 300_000;

/** What stays in the folder of a tool. */
const INSTALLED = ["node_modules", "package.json", "package-lock.json", "installed"];

/**
 * Where a program is that its package puts into `.bin` by a script only: a folder of `node_modules`, how
 * the package for this machine begins in it, and the program.
 */
const ELSEWHERE = {
  bun: ["@oven", "bun-", "bin/bun"],
  deno: ["@deno", "", "deno"],
  "node-22": [".", "node-", "bin/node"],
};

/** Installs a tool where it is not yet there, and returns it. */
export async function install(name) {
  const source = join(HERE, "tools", name);
  const folder = join(ROOT, "target/consumers", name);
  const lock = createHash("sha256").update(readFileSync(join(source, "package-lock.json")));
  const stamp = join(folder, "installed");
  const hash = lock.digest("hex");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) cpSync(join(source, file), join(folder, file));
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--engine-strict=false"];
    await promisify(execFile)("npm", ["ci", ...flags], { cwd: folder, timeout: LIMIT });
    writeFileSync(stamp, hash);
  }
  const ours = join(folder, "node_modules/onesocket");
  rmSync(ours, { recursive: true, force: true });
  mkdirSync(ours);
  await promisify(execFile)("tar", ["-xzf", PACKAGE, "--strip-components=1", "-C", ours]);
  return new Tool(folder);
}

class Tool {
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  /** Puts an application into the tool's folder, in place of the last one, and returns the folder. */
  copy(app) {
    for (const name of readdirSync(this.#folder)) {
      if (!INSTALLED.includes(name)) rmSync(join(this.#folder, name), { recursive: true });
    }
    // Its own files stand in place of those that many have.
    for (const name of ["shared", app]) {
      cpSync(join(HERE, "apps", name), this.#folder, { recursive: true });
    }
    return this.#folder;
  }

  /** Runs a program to its end and returns what it prints; what it complains of is in the error. */
  async run(command) {
    const [program, args, env] = this.#resolve(command);
    try {
      const options = { cwd: this.#folder, env, encoding: "utf8", timeout: LIMIT };
      return (await promisify(execFile)(program, args, options)).stdout;
    } catch (error) {
      throw new Error(`${command.join(" ")}: ${error.message}\n${error.stdout}`);
    }
  }

  /** Starts a program that serves; it ends with the test. */
  start(command) {
    const [program, args, env] = this.#resolve(command);
    return startChild(command.join(" "), program, args, { cwd: this.#folder, env });
  }

  #resolve([name, ...rest]) {
    const modules = join(this.#folder, "node_modules");
    const env = { ...process.env, NODE_ENV: undefined, NEXT_TELEMETRY_DISABLED: "1", CI: "1" };
    env.PATH = `${join(modules, ".bin")}${delimiter}${process.env.PATH}`;
    const args = rest.map((arg) => (arg === "PACKAGE" ? PACKAGE : arg));
    return [name in ELSEWHERE ? binary(modules, ...ELSEWHERE[name]) : name, args, env];
  }
}

function binary(modules, scope, prefix, program) {
  const packages = readdirSync(join(modules, scope)).filter((name) => name.startsWith(prefix));
  const paths = packages.sort().map((name) => join(modules, scope, name, program));
  const found = paths.find((path) => existsSync(path));
  if (!found) throw new Error(`npm has no ${program} for this machine`);
  return found;
}
