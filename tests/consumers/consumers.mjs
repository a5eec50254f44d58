/**
 * Where the package is used: bundlers, frameworks, runtimes, test runners, compilers. In each of them
 * it is installed from its tarball and connects to the real server, with nothing configured for it.
 *
 * A consumer is a tool (`tools/`, with its lock file) and an application (`apps/`) that it is tried
 * with. To add one, add a line here, and a folder where it needs a tool or an application that is not
 * there yet.
 */

/** @typedef {[program: string, ...args: string[]]} Command - A program of the tool, and arguments. */

/**
 * @typedef {object} Consumer
 * @property {string} name
 * @property {string} tool - The folder in `tools/`.
 * @property {string} app - The folder in `apps/`; `shared` is a page by itself.
 * @property {Command[]} [make] - What builds the application, if anything does.
 * @property {string} [site] - The folder that then is a page, from that of the application.
 * @property {(host: string, port: number) => Command} [serve] - What serves it, where ours does not.
 * @property {(url: string, token: string) => Command} [run] - What runs it, where it is no page.
 * @property {boolean} [isQuick] - Whether `cargo xtask test` tries it too.
 * @property {boolean} [isHot] - Whether a file that is changed is taken into the open page.
 */

/** Everything in one script. */
const bundle = (...command) => ({ app: "bundle", make: [command], site: "." });

const dev = (host, port) => ["vite", "--port", `${port}`, "--strictPort", "--host", host];

const built = { make: [["vite", "build"]], site: "dist" };

const ESBUILD = ["esbuild", "main.js", "--bundle", "--outfile=out/bundle.js"];

/** @type {Consumer[]} */
export const CONSUMERS = [
  ...["vite-8", "vite-7", "vite-5"].flatMap((tool) => {
    const name = tool.replace("vite-", "Vite ");
    return [
      { name: `${name}: dev server`, tool, app: "shared", serve: dev },
      { name: `${name}: build`, tool, app: "shared", ...built },
      { name: `${name}: build with a worker`, tool, app: "worker", ...built },
    ];
  }),
  { name: "Vite 8: React, hot reload", tool: "vite-8", app: "react", serve: dev, isHot: true },
  { name: "Vite 8: Vue, the client in a ref", tool: "vite-8", app: "vue", ...built },
  { name: "Vite 8: Svelte", tool: "vite-8", app: "svelte", ...built },
  {
    name: "webpack 5",
    isQuick: true,
    tool: "webpack-5",
    ...bundle(
      ...["webpack", "./main.js", "--mode", "production"],
      ...["--output-path", "out", "--output-filename", "bundle.js"],
    ),
  },
  {
    name: "Rspack",
    tool: "rspack",
    ...bundle(
      ...["rspack", "build", "--mode", "production", "--entry", "./main.js"],
      ...["--output-path", "out", "--config", "rspack.config.mjs"],
    ),
  },
  {
    name: "Parcel",
    tool: "parcel",
    app: "shared",
    make: [["parcel", "build", "index.html", "--no-cache", "--no-autoinstall", "--dist-dir", "dist"]],
    site: "dist",
  },
  {
    name: "esbuild: module",
    tool: "bundlers",
    ...bundle(...ESBUILD, "--format=esm"),
    isQuick: true,
  },
  {
    name: "esbuild: classic script, minified",
    tool: "bundlers",
    ...bundle(...ESBUILD, "--minify"),
    isQuick: true,
  },
  {
    name: "esbuild: Trusted Types, a strict policy",
    isQuick: true,
    tool: "bundlers",
    ...bundle(...ESBUILD),
    app: "strict",
  },
  {
    name: "Rollup",
    isQuick: true,
    tool: "bundlers",
    ...bundle(
      ...["rollup", "main.js", "--plugin", "node-resolve", "--format", "iife"],
      ...["--file", "out/bundle.js", "--failAfterWarnings"],
    ),
  },
  {
    name: "Bun: build",
    tool: "runtimes",
    ...bundle("bun", "build", "main.js", "--target=browser", "--outfile=out/bundle.js"),
  },
  ...["next-16", "next-15"].flatMap((tool) =>
    ["turbopack", "webpack"].map((bundler) => {
      // The other one is what it does by itself.
      const isDefault = (bundler === "turbopack") === (tool === "next-16");
      return {
        name: `Next ${tool.slice(5)}: App Router, ${bundler}`,
        tool,
        app: "next",
        make: [["next", "build", ...(isDefault ? [] : [`--${bundler}`])]],
        serve: (host, port) => ["next", "start", "--port", `${port}`, "--hostname", host],
      };
    }),
  ),
  {
    name: "React Router 7: server rendering, Vite 7",
    tool: "react-router-7",
    app: "react-router",
    make: [["react-router", "build"]],
    serve: (host, port) => [
      ...["env", `PORT=${port}`, `HOST=${host}`],
      ...["react-router-serve", "build/server/index.js"],
    ],
  },
  {
    name: "Angular 20",
    tool: "angular-20",
    app: "angular",
    make: [["ng", "build"]],
    site: "dist",
  },
  {
    name: "Bun",
    tool: "runtimes",
    app: "runtime",
    run: (...at) => ["bun", "main.js", ...at],
    isQuick: true,
  },
  {
    name: "Deno",
    isQuick: true,
    tool: "runtimes",
    app: "runtime",
    run: (...at) => ["deno", "run", "--allow-all", "--node-modules-dir=manual", "main.js", ...at],
  },
  {
    name: "Node, this one, with the package ws",
    isQuick: true,
    tool: "runtimes",
    app: "runtime",
    run: (...at) => ["node", "with_ws.js", ...at],
  },
  {
    name: "Node 22",
    isQuick: true,
    tool: "runtimes",
    app: "runtime",
    run: (...at) => ["node-22", "main.js", ...at],
  },
  {
    name: "Jest with jsdom",
    isQuick: true,
    tool: "jest",
    app: "jest",
    run: (url, token) => [
      ...["env", `URL_OF_SERVER=${url}`, `TOKEN=${token}`],
      ...["jest", "--env=jsdom", "--ci", "--rootDir=."],
    ],
  },
  {
    name: "Vitest with jsdom",
    isQuick: true,
    tool: "vitest",
    app: "vitest",
    run: (url, token) => [
      ...["env", `URL_OF_SERVER=${url}`, `TOKEN=${token}`],
      ...["vitest", "run", "--environment=jsdom"],
    ],
  },
  ...["5.0", "5.2", "5.4", "5.7", "5.9", "6.0", "7.0"].flatMap((version) =>
    ["node10", "node16", "nodenext", "bundler"]
      // TypeScript 6 calls it deprecated, and 7 does not have it.
      .filter((resolution) => resolution !== "node10" || version < "6")
      .map((resolution) => ({
        name: `TypeScript ${version}: ${resolution}`,
        tool: "typescript",
        app: "types",
        make: [typeCheck(version, resolution)],
        isQuick: resolution === "node16" && ["5.0", "7.0"].includes(version),
      })),
  ),
  {
    name: "MIGRATING.md: before and after",
    tool: "migrating",
    app: "migrating",
    make: [["node", "extract.mjs"], ["tsc", "-p", "."]],
    isQuick: true,
  },
  {
    name: "attw: the types for every way to import",
    isQuick: true,
    tool: "attw",
    app: "types",
    make: [["attw", "--no-definitely-typed", "PACKAGE"]],
  },
];

/** Compiles with nothing of Node, and checks the types of the package themselves. */
function typeCheck(version, resolution) {
  const isNode = resolution.startsWith("node1") || resolution === "nodenext";
  const module = { node10: "esnext", bundler: "esnext" }[resolution] ?? resolution;
  const files = ["use.ts", "react.tsx", ...(isNode && resolution !== "node10" ? ["required.cts"] : [])];
  return [
    ...["node", `node_modules/typescript-${version}/bin/tsc`, "--noEmit", "--strict"],
    ...["--exactOptionalPropertyTypes", "--skipLibCheck", "false", "--types", "react"],
    ...["--lib", "es2022,dom,dom.iterable", "--target", "es2022", "--jsx", "react-jsx"],
    ...["--module", module, "--moduleResolution", resolution, ...files],
  ];
}
