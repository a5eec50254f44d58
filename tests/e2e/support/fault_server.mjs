/** A WebSocket server (RFC 6455) that says what a test wants, also what a good one never says. */

import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";

import { within } from "./wait.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 0x81;
const CLOSE = 0x88;
const NORMAL = 1000;

/**
 * Starts it.
 *
 * @param {object} [options]
 * @param {boolean} [options.answers] - Whether it answers an upgrade at all.
 * @param {boolean} [options.welcomes] - Whether it says welcome by itself.
 */
export async function startFaultServer({ answers = true, welcomes = true } = {}) {
  const server = new FaultServer(answers, welcomes);
  await server.start();
  return server;
}

class FaultServer extends EventEmitter {
  /** Where it listens: `ws://127.0.0.1:PORT/ws`. */
  ws = "";
  /** The sockets that were upgraded, or that wait for it, oldest first. */
  peers = [];
  #answers;
  #welcomes;
  #http = createServer((_, response) => response.writeHead(404).end());
  #sockets = new Set();

  constructor(answers, welcomes) {
    super();
    this.#answers = answers;
    this.#welcomes = welcomes;
    this.#http.on("connection", (socket) => this.#sockets.add(socket));
    this.#http.on("upgrade", (request, socket) => this.#upgrade(request, socket));
  }

  async start() {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    this.ws = `ws://127.0.0.1:${this.#http.address().port}/ws`;
  }

  async end() {
    for (const socket of this.#sockets) socket.destroy();
    this.#http.close();
    await once(this.#http, "close");
  }

  /** Waits for the next upgrade. */
  async nextPeer() {
    const [peer] = await within(once(this, "peer"), "an upgrade");
    return peer;
  }

  #upgrade(request, socket) {
    const peer = new Peer(socket);
    this.peers.push(peer);
    socket.on("error", () => {});
    if (this.#answers) {
      const key = request.headers["sec-websocket-key"] + GUID;
      const accept = createHash("sha1").update(key).digest("base64");
      const head = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"];
      head.push("Upgrade: websocket", `Sec-WebSocket-Accept: ${accept}`);
      head.push("Sec-WebSocket-Protocol: onesocket.v1");
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
      socket.on("data", (data) => {
        if (data[0] === CLOSE) peer.close(NORMAL);
      });
      if (this.#welcomes) peer.welcome();
    }
    this.emit("peer", peer);
  }
}

/** One socket of a page. */
class Peer {
  #socket;

  constructor(socket) {
    this.#socket = socket;
  }

  welcome(fields = {}) {
    const welcome = { type: "welcome", connectionId: "c1", user: "ada", pingIntervalMs: 25_000 };
    this.text(JSON.stringify({ ...welcome, maxMessageBytes: 65_536, ...fields }));
  }

  /** @param {string} text - Sent as it is, JSON or not. */
  text(text) {
    this.#frame(TEXT, Buffer.from(text));
  }

  /**
   * @param {number} code
   * @param {string} [reason]
   */
  close(code, reason = "") {
    this.#frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
    this.#socket.end();
  }

  #frame(head, payload) {
    const { length } = payload;
    const size = length < 126 ? [length] : [126, length >> 8, length & 0xff];
    this.#socket.write(Buffer.concat([Buffer.from([head, ...size]), payload]));
  }
}
