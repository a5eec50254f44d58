/** A member of a group that only speaks. It is no browser's. */

import { once } from "node:events";

import WebSocket from "ws";

import { within } from "./wait.mjs";

export class Speaker {
  #socket;
  #group;
  #last = 0;

  /**
   * @param {Awaited<ReturnType<typeof import("./server.mjs").startServer>>} server
   * @param {string} group
   */
  static async start(server, group) {
    const token = Buffer.from(await server.token("speaker")).toString("base64url");
    const socket = new WebSocket(server.ws, ["onesocket.v1", `onesocket.token.${token}`]);
    await within(once(socket, "message"), "the welcome");
    const speaker = new Speaker(socket, group);
    speaker.#ask({ type: "join" });
    await speaker.#answered();
    return speaker;
  }

  constructor(socket, group) {
    this.#socket = socket;
    this.#group = group;
  }

  /** Publishes a text so many times, so many at once: then the server has to answer first. */
  async say(text, times, atOnce) {
    for (let left = times; left > 0; left -= atOnce) {
      for (let at = 0; at < Math.min(left, atOnce); at += 1) {
        this.#ask({ type: "publish", format: "text" }, `\n${text}`);
      }
      await this.#answered();
    }
  }

  #ask(head, payload = "") {
    this.#last += 1;
    this.#socket.send(JSON.stringify({ ...head, id: this.#last, group: this.#group }) + payload);
  }

  /** Waits until the server has answered what was asked last. */
  async #answered() {
    const answered = new Promise((resolve) => {
      const take = (data) => {
        const { type, id } = JSON.parse(String(data).split("\n")[0]);
        if (type !== "ack" || id !== this.#last) return;
        this.#socket.off("message", take);
        resolve();
      };
      this.#socket.on("message", take);
    });
    await within(answered, "the server's answer");
  }

  async end() {
    this.#socket.close();
    await within(once(this.#socket, "close"), "the close");
  }
}
