/** What may be between a page and the server: something that counts, delays, cuts and refuses. */

import { once } from "node:events";
import net from "node:net";

import { HOST } from "./host.mjs";

/**
 * Starts a TCP proxy in front of a server.
 *
 * @param {string} target - `http://HOST:PORT`.
 * @param {object} [options]
 * @param {number} [options.handshakeMs] - How long the answer to an upgrade is held back.
 */
export async function startProxy(target, { handshakeMs = 0 } = {}) {
  const proxy = new Proxy(target, handshakeMs);
  await proxy.start();
  return proxy;
}

class Proxy {
  /** Where it listens: `http://HOST:PORT`. */
  url = "";
  /** How many upgrades came through it. */
  upgrades = 0;
  /** Whether it resets whoever connects. */
  refuses = false;
  /** Whether it holds the answers to upgrades back until `release()`. */
  holds = false;
  #target;
  #handshakeMs;
  #listener = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  #sockets = new Set();
  #held = [];
  /** The two ends of each WebSocket. */
  #upgraded = [];
  /** The ends at the server of WebSockets whose pages were cut off. */
  #stranded = new WeakSet();

  constructor(target, handshakeMs) {
    this.#target = new URL(target);
    this.#handshakeMs = handshakeMs;
  }

  async start() {
    this.#listener.listen(0, HOST);
    await once(this.#listener, "listening");
    this.url = `http://${HOST}:${this.#listener.address().port}`;
  }

  /** Cuts all connections, as a network does that is gone: nobody gets a close frame. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resets all connections: the rudest end there is. */
  reset() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /**
   * Swallows all that comes over the WebSockets there are, as a network does that has lost its way:
   * nobody is told. New connections go through.
   */
  hush() {
    for (const pair of this.#upgraded) {
      for (const socket of pair) socket.unpipe().resume();
    }
    this.#upgraded = [];
  }

  /**
   * Cuts the pages off, and leaves the server in the belief that they are there, as a network does
   * that is gone on one side.
   */
  strand() {
    for (const [page, server] of this.#upgraded.splice(0)) {
      page.unpipe();
      server.unpipe().resume();
      this.#stranded.add(server);
      page.destroy();
    }
    for (const socket of this.#sockets) {
      if (!this.#stranded.has(socket)) socket.destroy();
    }
  }

  /** Swallows what the server says over the WebSockets there are; what it is told goes through. */
  deafen() {
    for (const [, server] of this.#upgraded) server.unpipe().resume();
  }

  /** Lets the answers through that were held back. */
  release() {
    this.holds = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  async end() {
    this.#listener.close();
    this.cut();
    await once(this.#listener, "close");
  }

  #accept(page) {
    this.#keep(page);
    if (this.refuses) {
      page.resetAndDestroy();
      return;
    }
    const { hostname, port } = this.#target;
    const server = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    this.#keep(server);
    page.once("data", (head) => {
      const isUpgrade = /^upgrade: *websocket/im.test(head.toString("latin1"));
      if (isUpgrade) {
        this.upgrades += 1;
        this.#upgraded.push([page, server]);
      }
      server.write(head);
      page.pipe(server);
      const answer = () => server.pipe(page);
      if (isUpgrade && this.holds) this.#held.push(answer);
      else if (isUpgrade && this.#handshakeMs > 0) setTimeout(answer, this.#handshakeMs);
      else answer();
    });
    page.once("close", () => {
      if (!this.#stranded.has(server)) server.destroy();
    });
    server.once("close", () => page.destroySoon());
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // A `close` follows, and that is looked at.
    socket.on("error", () => {});
  }
}
