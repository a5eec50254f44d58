/** Writes out what the machine says: it names a sentence, and what stands in it. */

import { SENTENCES } from "./sentences.js";

/**
 * Writes a sentence out.
 *
 * @param sentence - Its number.
 * @param numbers - What stands for `{0}`, `{1}` and `{2}`.
 * @param said - What somebody else has said: for `{said}`, and for `{quoted}` in quotes behind a space.
 */
export function writeOut(sentence: number, numbers: readonly number[], said = ""): string {
  const words = SENTENCES[sentence] ?? "";
  return words.replace(/\{(\w+)\}/g, (_, place: string) => {
    if (place === "said") return said;
    if (place === "quoted") return said && ` "${said}"`;
    return String(numbers[Number(place)]);
  });
}
