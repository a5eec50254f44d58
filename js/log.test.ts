import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { writeLog } from "./log.js";
import type { Logger } from "./options.js";

test("a line goes to the method of its level, as a method of the logger", () => {
  const lines: string[] = [];
  const logger = {
    prefix: "app",
    debug: () => {},
    info: () => {},
    warn(line: string) {
      lines.push(`${this.prefix}: ${line}`);
    },
    error: () => {},
  };

  writeLog(logger, "warn", "text");
  writeLog(undefined, "warn", "to nobody");

  assert.deepEqual(lines, ["app: text"]);
});

test("a logger that throws, or whose promise rejects, is reported to the page", async () => {
  const reported: unknown[] = [];
  const page = globalThis as { reportError?: (error: unknown) => void };
  page.reportError = (error) => reported.push(error);
  const [thrown, rejected] = [new Error("thrown"), new Error("rejected")];
  const logger: Logger = {
    debug: () => {
      throw thrown;
    },
    info: async () => {
      throw rejected;
    },
    warn: () => {},
    error: () => {},
  };
  try {
    writeLog(logger, "debug", "text");
    writeLog(logger, "info", "text");
    await setImmediate();
  } finally {
    delete page.reportError;
  }

  assert.deepEqual(reported, [thrown, rejected]);
});
