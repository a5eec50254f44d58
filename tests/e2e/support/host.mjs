/** The address at which the servers of a test file listen. */

import { createServer } from "node:net";
import process from "node:process";

/**
 * A loopback address of this process's own, where the system has more than one: test files run at the
 * same time, and a port that a test gives up for a while (a server that goes and comes back, one
 * that is not there) must not become another file's.
 */
export const HOST = process.platform === "linux" ? addressOf(process.pid) : "127.0.0.1";

/** Process ids of Linux have 22 bits at most. */
function addressOf(pid) {
  return `127.${64 + (pid >> 16)}.${(pid >> 8) & 0xff}.${pid & 0xff}`;
}

/** Returns a port that nobody listens at. */
export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, HOST, listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}
