/** What a client says where there can be no machine; the instance must not have been made before. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient } from "./client.js";
import { freedAfter } from "./test_support/clients.js";
import { StandInSocket } from "./test_support/stand_in_socket.js";

test("where there is no WebAssembly it says so, and where it is forbidden how to allow it", async () => {
  const page = globalThis as { WebAssembly?: unknown };
  const { WebAssembly } = page;
  const forbids = {
    Module: class {
      constructor() {
        throw new Error("violates the policy");
      }
    },
  };
  try {
    delete page.WebAssembly;
    await assert.rejects(connect(), { code: "unsupported", message: /no WebAssembly/ });
    page.WebAssembly = forbids;
    await assert.rejects(connect(), {
      code: "unsupported",
      message: /violates the policy.*'wasm-unsafe-eval'/,
    });
  } finally {
    page.WebAssembly = WebAssembly;
  }
});

function connect(): Promise<void> {
  const options = { url: "wss://example.com/ws", WebSocket: StandInSocket };
  return freedAfter(createClient(options)).connect();
}
