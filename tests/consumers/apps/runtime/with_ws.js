import process from "node:process";

import { WebSocket } from "ws";

import { connects } from "./connects.js";

delete globalThis.WebSocket;
const [url, token] = process.argv.slice(2);
console.log(await connects({ url, token }, { WebSocket }));
