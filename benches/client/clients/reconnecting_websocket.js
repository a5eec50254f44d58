import ReconnectingWebSocket from "reconnecting-websocket";

import { openLike } from "./socket_like.js";

export const open = openLike(() => new ReconnectingWebSocket("ws://stand-in/"));
