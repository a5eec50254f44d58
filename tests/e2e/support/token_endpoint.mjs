/** The application's token endpoint, which may answer anything, or never. */

import { once } from "node:events";
import { createServer } from "node:http";

/** Starts it. */
export async function startTokenEndpoint() {
  const endpoint = new TokenEndpoint();
  await endpoint.start();
  return endpoint;
}

class TokenEndpoint {
  /** Where it is. */
  url = "";
  /** How often it was asked. */
  asked = 0;
  /** How many have gone before they were answered. */
  gone = 0;
  /** How it answers: `{ status, headers, body }`; never, if there is none. */
  answer;
  #sockets = new Set();
  #http = createServer((_, response) => this.#respond(response));

  async start() {
    this.#http.on("connection", (socket) => this.#sockets.add(socket));
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    this.url = `http://127.0.0.1:${this.#http.address().port}/`;
  }

  async end() {
    for (const socket of this.#sockets) socket.destroy();
    this.#http.close();
    await once(this.#http, "close");
  }

  #respond(response) {
    this.asked += 1;
    if (this.answer === undefined) {
      response.on("close", () => {
        this.gone += 1;
      });
      return;
    }
    const { status = 200, headers = {}, body = "" } = this.answer;
    response.writeHead(status, {
      "content-type": "application/json",
      // The page has come from elsewhere.
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "retry-after",
      ...headers,
    });
    response.end(body);
  }
}
