/** The clients of a test end with it: one that is left connecting would keep Node running. */

import { afterEach } from "node:test";

import type { Client } from "../client.js";
import { StandInSocket } from "./stand_in_socket.js";

const made: Client[] = [];

/** Takes a client that is to be freed after the test, and returns it. */
export function freedAfter<C extends Client>(client: C): C {
  made.push(client);
  return client;
}

afterEach(() => {
  for (const client of made.splice(0)) client.free();
  for (const socket of StandInSocket.made.splice(0)) socket.closes();
});
