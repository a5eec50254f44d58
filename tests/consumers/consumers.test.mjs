/** `cargo xtask consumers`: all of them, or those whose names contain the words, and their table. */

import { after, test } from "node:test";
import process from "node:process";

import { scene } from "../e2e/support/scene.mjs";
import { tryOut } from "./consumer.mjs";
import { CONSUMERS } from "./consumers.mjs";

/** How long one may take: npm, a build, a page. In milliseconds. */
const LIMIT = 600_000;

const words = process.env.ONESOCKET_CONSUMERS ?? "";
const chosen = CONSUMERS.filter(({ name }) => name.toLowerCase().includes(words.toLowerCase()));
if (chosen.length === 0) throw new Error(`there is no consumer with "${words}" in its name`);

const rows = [];

for (const consumer of chosen) {
  const { name } = consumer;
  const play = scene((the) => tryOut(the, consumer), LIMIT);
  test(name, async (context) => {
    const begun = Date.now();
    const row = { name, how: "FAILED", seconds: 0 };
    rows.push(row);
    try {
      await play(context);
      row.how = "ok";
    } finally {
      row.seconds = (Date.now() - begun) / 1000;
    }
  });
}

after(() => {
  const lines = rows.map(({ name, how, seconds }) => `${name.padEnd(48)} ${how} ${seconds.toFixed(1)} s`);
  console.log(`\n${lines.join("\n")}`);
});
