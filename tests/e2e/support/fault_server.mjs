/**
 * A WebSocket server (RFC 6455) that does what a test wants to each connection, also what a good one
 * never does: it refuses, hangs, drips, closes with any code, goes silent, resets, floods.
 */

import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";

import { BINARY, CLOSE, closePayload, frame, FrameReader, TEXT } from "./frames.mjs";
import { HOST } from "./host.mjs";
import { until, within } from "./wait.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NORMAL = 1000;
const REASONS = { 200: "OK", 301: "Moved Permanently", 401: "Unauthorized", 403: "Forbidden" };

/**
 * What is done to a connection that asks for an upgrade.
 *
 * @typedef {(peer: Peer, number: number) => void} Play
 */

/** Answers as a good server does, and says welcome. */
export const greet = (peer) => peer.accept().welcome();

/** Answers, and says nothing. */
export const accept = (peer) => peer.accept();

/** Never answers. */
export const hang = () => {};

/**
 * Starts it.
 *
 * @param {object} [options]
 * @param {Play} [options.play] - What it does to each upgrade; `server.play` can be set anew later.
 * @param {boolean} [options.answers] - `false` for `hang`.
 * @param {boolean} [options.welcomes] - `false` for `accept`.
 */
export async function startFaultServer({ answers = true, welcomes = true, play } = {}) {
  const answer = welcomes ? greet : accept;
  const server = new FaultServer(play ?? (answers ? answer : hang));
  await server.start();
  return server;
}

class FaultServer extends EventEmitter {
  /** Where it listens: `ws://HOST:PORT/ws`. */
  ws = "";
  /** The sockets that asked for an upgrade, oldest first. */
  peers = [];
  play;
  #http = createServer((_, response) => response.writeHead(404).end());
  #sockets = new Set();

  constructor(play) {
    super();
    this.play = play;
    this.#http.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#http.on("upgrade", (request, socket) => this.#upgrade(request, socket));
  }

  async start() {
    this.#http.listen(0, HOST);
    await once(this.#http, "listening");
    this.ws = this.at(HOST);
  }

  /** Where it is found under another name of this machine. */
  at(host) {
    return `ws://${host}:${this.#http.address().port}/ws`;
  }

  async end() {
    for (const socket of this.#sockets) socket.destroy();
    this.#http.close();
    await once(this.#http, "close");
  }

  /** How many of its sockets are open, the ones that wait for an answer included. */
  get open() {
    return this.peers.filter((peer) => peer.isOpen).length;
  }

  /** Waits for the next upgrade. */
  async nextPeer() {
    const [peer] = await within(once(this, "peer"), "an upgrade");
    return peer;
  }

  /** Waits until so many upgrades were asked for in all, and returns the last of them. */
  async peerNumber(number) {
    await until(`upgrade ${number}`, () => this.peers.length >= number);
    return this.peers[number - 1];
  }

  #upgrade(request, socket) {
    const peer = new Peer(request, socket);
    this.peers.push(peer);
    this.play(peer, this.peers.length);
    this.emit("peer", peer);
  }
}

/** One socket of a page. */
class Peer {
  isOpen = true;
  /** The text messages that came over it. */
  texts = [];
  /** Whether it answers a close frame; else it leaves the browser to wait. */
  echoes = true;
  #request;
  #socket;
  #timer;

  constructor(request, socket) {
    this.#request = request;
    this.#socket = socket;
    socket.on("error", () => {});
    socket.once("close", () => {
      this.isOpen = false;
      clearInterval(this.#timer);
    });
    const reader = new FrameReader();
    socket.on("data", (bytes) => reader.take(bytes));
    reader.on("message", (opcode, payload) => {
      if (opcode === TEXT) this.texts.push(payload.toString());
      if (opcode === CLOSE && this.echoes) this.close(NORMAL);
    });
  }

  /**
   * Answers the upgrade with a status that is none.
   *
   * @param {number} status
   * @param {Record<string, string>} [headers]
   */
  refuse(status, headers = {}) {
    const all = { "Content-Length": "0", Connection: "close", ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.bytes(`HTTP/1.1 ${status} ${REASONS[status] ?? "Refused"}\r\n${lines.join("")}\r\n`).end();
  }

  /**
   * Answers the upgrade.
   *
   * @param {object} [fields]
   * @param {string | null} [fields.protocol] - The subprotocol that it says to have chosen.
   * @param {string} [fields.key] - The key that it says to have seen.
   */
  accept(fields) {
    return this.bytes(this.acceptance(fields));
  }

  /** Returns the answer that `accept()` sends. */
  acceptance({ protocol = "onesocket.v1", key = this.#request.headers["sec-websocket-key"] } = {}) {
    const accepted = createHash("sha1").update(key + GUID).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"];
    head.push(`Sec-WebSocket-Accept: ${accepted}`);
    if (protocol !== null) head.push(`Sec-WebSocket-Protocol: ${protocol}`);
    return `${head.join("\r\n")}\r\n\r\n`;
  }

  welcome(fields) {
    return this.bytes(this.welcomeFrame(fields));
  }

  /** Returns what `welcome()` sends: with other fields where they are given. */
  welcomeFrame(fields = {}) {
    const welcome = { type: "welcome", connectionId: "c1", user: "ada", pingIntervalMs: 25_000 };
    return frame(TEXT, Buffer.from(JSON.stringify({ ...welcome, maxMessageBytes: 65_536, ...fields })));
  }

  /** @param {string} text - Sent as it is, JSON or not. */
  text(text) {
    return this.bytes(frame(TEXT, Buffer.from(text)));
  }

  /**
   * Sends a message, as PROTOCOL.md says.
   *
   * @param {unknown} data - Bytes in a `Buffer`, or what has JSON.
   */
  message(data) {
    const head = '{"type":"message"}\n';
    if (!Buffer.isBuffer(data)) return this.text(head + JSON.stringify(data));
    return this.bytes(frame(BINARY, Buffer.concat([Buffer.from(head), data])));
  }

  /** @param {Buffer | string} bytes - Sent as they are, frames or not. */
  bytes(bytes) {
    if (this.#socket.writable) this.#socket.write(bytes);
    return this;
  }

  /** Sends bytes one by one: all the time there is life, and for long nothing that is whole. */
  drip(bytes, everyMs) {
    const left = [...Buffer.from(bytes)];
    this.#timer = setInterval(() => {
      if (left.length === 0) clearInterval(this.#timer);
      else this.bytes(Buffer.from([left.shift()]));
    }, everyMs);
  }

  /**
   * Closes as RFC 6455 says.
   *
   * @param {number} code
   * @param {string} [reason]
   */
  close(code, reason) {
    this.closeWith(closePayload(code, reason));
  }

  /** @param {Buffer} payload - Of the close frame, whatever it may be. */
  closeWith(payload) {
    this.bytes(frame(CLOSE, payload)).end();
  }

  /** Ends the stream, without a close frame unless one was sent. */
  end() {
    this.#socket.end();
  }

  /** Ends it by a reset. */
  reset() {
    this.#socket.resetAndDestroy();
  }

  /** Stops to read, so that what the page sends piles up on its side. */
  stopReading() {
    this.#socket.pause();
  }

  /** Reads again. */
  read() {
    this.#socket.resume();
  }

  /** Waits until what was written has left. */
  async drained() {
    await until("all is written", () => this.#socket.writableLength === 0);
  }
}
