/** Measures what a client costs, beside others, and prints tables for the README. */

import { createServer } from "node:http";
import { argv, env } from "node:process";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";
import { chromium } from "playwright-core";

import { measureCpu } from "./cpu.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
const HEAP_FLAGS = ["--js-flags=--expose-gc", "--enable-precise-memory-info"];

/** How many clients are opened to weigh one, how often, and how many fresh pages are timed. */
const CLIENTS = 300;
const TRIES = 4;
const PAGES = 15;

/** How long one part may take, in milliseconds. */
const LIMIT = 15 * 60_000;

/** What a user writes to have a client, by the name that the tables have. */
const IMPORTS = {
  onesocket: 'import { createClient as x } from "onesocket"',
  partysocket: 'import x from "partysocket/ws"',
  "reconnecting-websocket": 'import x from "reconnecting-websocket"',
  phoenix: 'import { Socket as x } from "phoenix"',
  "socket.io": 'import { io as x } from "socket.io-client"',
  centrifuge: 'import { Centrifuge as x } from "centrifuge"',
};

const rounds = Number(argv[2]);
const folder = new URL(".", import.meta.url).pathname;

/** Bundles and minifies as a user does. */
async function bundle(input) {
  const { outputFiles } = await build({
    ...input,
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "error",
    alias: { onesocket: `${env.ONESOCKET_PACKAGE_FOLDER}/client.js` },
  });
  return outputFiles[0].contents;
}

/** Bundles what runs in a page. */
async function scriptOf(name) {
  return Buffer.from(await bundle({ entryPoints: [folder + name] })).toString();
}

/** Serves a page with one script in it. */
async function serve(script) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    // Only a page that is isolated has a clock of 5 µs; that of others ticks every 100.
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    response.end(`<!doctype html><title></title><script type="module">${script}</script>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, end };
}

/** Runs `work` in a page of a browser of its own; what goes wrong in the page is an error. */
async function inPage(script, flags, work) {
  const server = await serve(script);
  const browser = await chromium.launch({
    executablePath: env.ONESOCKET_BROWSER,
    args: [...FLAGS, ...flags],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(LIMIT);
    const broken = new Promise((_, reject) => page.on("pageerror", reject));
    broken.catch(() => {});
    page.on("console", (line) => {
      if (line.type() === "error") console.error(`the page: ${line.text()}`);
    });
    await page.goto(server.url);
    const limit = new Promise((_, reject) => {
      setTimeout(() => reject(new Error("it took too long")), LIMIT).unref();
    });
    return await Promise.race([work(page, server.url), broken, limit]);
  } finally {
    await browser.close();
    await server.end();
  }
}

/** Prints a table in Markdown. */
function table(title, columns, rows) {
  console.log(`\n| ${title} | ${columns.join(" | ")} |`);
  console.log(`| --- |${" ---: |".repeat(columns.length)}`);
  for (const [name, cells] of rows) console.log(`| ${name} | ${cells.join(" | ")} |`);
}

/** Writes a ratio; a dash where there is none. */
function times(value, plain) {
  return value === undefined ? "–" : `×${(value / plain).toFixed(2)}`;
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

async function sizes() {
  const rows = [];
  for (const [name, line] of Object.entries(IMPORTS)) {
    const contents = `${line};\nglobalThis.x = x;`;
    const bytes = await bundle({ stdin: { contents, resolveDir: folder } });
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    const compressed = [gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes, quality)];
    rows.push([name, [bytes, ...compressed].map(({ length }) => length)]);
  }
  table("bytes, minified", ["raw", "gzip", "brotli"], rows);
}

async function messages(script) {
  const { names, best } = await inPage(script, [], (page) =>
    page.evaluate((count) => globalThis.bench.measure(count), rounds),
  );
  const received = Object.keys(best).filter((what) => what.startsWith("received"));
  const sent = Object.keys(best).filter((what) => what.startsWith("sent"));
  const rows = names.map((name) => [
    name,
    [
      ...received.map((what) => times(best[what][name], best[what].plain)),
      ...sent.map((what) => Math.round(best[what][name] - best[what].plain)),
    ],
  ]);
  const plain = received.map((what) => `${what}: ${Math.round(best[what].plain)}`).join(", ");
  console.log(`\nover a stand-in, best of ${rounds} batches; ns of a plain handler: ${plain}`);
  table("client", [...received, ...sent.map((what) => `${what}, ns over plain`)], rows);
}

async function cpu(script) {
  const taken = await measureCpu(script, FLAGS, LIMIT);
  const measures = Object.keys(taken);
  const us = measures.map((what) => `${what}: ${taken[what].plain.all.toFixed(1)}`).join(", ");
  console.log(`\nover a real socket, middle one of the rounds; µs of CPU that a plain socket takes in all processes: ${us}`);
  for (const [part, title] of [["all", "CPU of a message"], ["renderer", "the same in the renderer alone"]]) {
    const cells = (name) => measures.map((what) => times(taken[what][name][part], taken[what].plain[part]));
    table(title, measures, Object.keys(taken[measures[0]]).map((name) => [name, cells(name)]));
  }
}

async function heap(script) {
  const bytes = await inPage(script, HEAP_FLAGS, (page) =>
    page.evaluate(([count, tries]) => globalThis.bench.heap(count, tries), [CLIENTS, TRIES]),
  );
  const cells = ([name, size]) => [name, [Math.round(size), times(size, bytes.plain)]];
  table("JavaScript heap of one open client", ["bytes", "over plain"], Object.entries(bytes).map(cells));
}

async function cold(script) {
  const took = await inPage(script, [], async (page, url) => {
    const found = [];
    for (let time = 0; time < PAGES; time += 1) {
      const context = await page.context().browser().newContext();
      const fresh = await context.newPage();
      await fresh.goto(url);
      await fresh.waitForFunction(() => document.title !== "");
      found.push(Number(await fresh.title()));
      await context.close();
    }
    return found;
  });
  console.log(`\nfrom connect() to new WebSocket in a fresh page: ${median(took).toFixed(1)} ms (median of ${PAGES})`);
}

const page = await scriptOf("page.js");
await sizes();
await messages(page);
await cpu(await scriptOf("cpu_page.js"));
await heap(page);
await cold(await scriptOf("cold.js"));
