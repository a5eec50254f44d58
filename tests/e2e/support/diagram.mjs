/** The states and the steps between them, as the README shows them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./paths.mjs";

/**
 * Reads the diagram of the README.
 *
 * @returns {string[]} The steps: `"idle connecting"`.
 */
export function publishedSteps() {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const [, diagram] = /```mermaid\nstateDiagram-v2\n(.*?)```/s.exec(readme) ?? [];
  if (!diagram) throw new Error("the README has no state diagram");
  const steps = [...diagram.matchAll(/^ *(\w+) --> (\w+): /gm)];
  return steps.map(([, from, to]) => `${from} ${to}`);
}
