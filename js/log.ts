import { callOut } from "./error.js";
import type { Logger } from "./options.js";

/** Writes a line, if anybody wants to read it. Never throws. */
export function writeLog(logger: Logger | undefined, level: keyof Logger, text: string): void {
  callOut((line: string) => logger?.[level](line), text);
}
