import { callOut } from "./error.js";
import type { Logger } from "./options.js";

/** Writes a line, if anybody wants to read it. Never throws. */
export type Log = (level: keyof Logger, text: string) => void;

/** Makes the function that writes to the application's logger. */
export function makeLog(logger: Logger | undefined): Log {
  return (level, text) => callOut((line: string) => logger?.[level](line), text);
}
