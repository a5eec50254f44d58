/** Comes before the clients: some of them look for the page's `WebSocket` when they are imported. */

import { StandIn } from "./stand_in.js";

globalThis.WebSocket = StandIn;
