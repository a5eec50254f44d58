/** Runs in a fresh page: how long it takes from `connect()` to `new WebSocket`. */

import { createClient } from "onesocket";

const start = performance.now();
let made;
class Stopwatch {
  readyState = 0;
  bufferedAmount = 0;
  constructor() {
    made = performance.now();
  }
  close() {}
}
void createClient({ url: "ws://stand-in/", WebSocket: Stopwatch }).connect();
document.title = String(made - start);
