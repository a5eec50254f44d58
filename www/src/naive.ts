import { requestToken } from "./api.ts";
import type { Line } from "./line.ts";
import { SocketCounter } from "./counter.ts";
import { Store } from "./store.ts";
import { pause } from "./stress.ts";

/** More would prove no more; a page of a real application has no such limit. */
const MOST_SOCKETS = 100;

const RETRY_MS = 1000;
const SETTLING_MS = 4000;

/**
 * A connection as many applications have written it, to compare with. What is wrong with it is on
 * purpose:
 *
 * - `connect()` does not look whether there is a connection, or one on its way;
 * - `close()` knows the newest socket only, and closes it while it is connecting;
 * - a socket that was closed on purpose is opened again, like one that was lost.
 *
 * It is another user for the server, so that the two do not count each other's sockets.
 */
export class NaiveConnection {
  readonly counter: SocketCounter;
  /** How many sockets were closed before they were established. */
  readonly early = new Store(0);
  readonly #user: string;
  readonly #line: Line;
  readonly #live = new Set<WebSocket>();
  #socket: WebSocket | null = null;
  #token: string | null = null;
  #retries = 0;
  #hasEnded = false;

  constructor(user: string, line: Line) {
    this.#user = `${user}’s naive hook`;
    this.#line = line;
    this.counter = new SocketCounter(async () => this.#token);
  }

  async connect(): Promise<void> {
    if (this.#token === null) await this.prepare();
    if (this.#hasEnded || this.#token === null || this.#live.size >= MOST_SOCKETS) return;
    const socket = new this.#line.WebSocket("/ws?naive", ["onesocket.v1", subprotocolOf(this.#token)]);
    this.#socket = socket;
    this.#live.add(socket);
    socket.onopen = () => this.counter.refreshSoon();
    socket.onclose = () => {
      this.#live.delete(socket);
      this.counter.refreshSoon();
      if (this.#hasEnded) return;
      this.#retries += 1;
      setTimeout(() => {
        this.#retries -= 1;
        void this.connect();
      }, RETRY_MS);
    };
  }

  close(): void {
    if (this.#socket?.readyState === WebSocket.CONNECTING) this.early.set(this.early.get() + 1);
    this.#socket?.close();
  }

  /** Fetches the token that it then keeps for ever, and asks how many sockets there are before the first. */
  async prepare(): Promise<void> {
    try {
      this.#token ??= (await requestToken(this.#user, AbortSignal.timeout(5000))).token;
      await this.counter.refresh();
    } catch {
      // It looks at no error.
    }
  }

  /** Waits until none of its sockets is connecting or about to be made, but not for a server that is away. */
  async settled(): Promise<void> {
    const isOpening = ({ readyState }: WebSocket) => readyState === WebSocket.CONNECTING;
    const end = Date.now() + SETTLING_MS;
    while (Date.now() < end && (this.#retries > 0 || [...this.#live].some(isOpening))) await pause(50);
  }

  /** Signing out ends it, which the ones that it is modelled on often forget. */
  end(): void {
    this.#hasEnded = true;
    for (const socket of this.#live) socket.close();
  }
}

function subprotocolOf(token: string): string {
  // A JWT is ASCII.
  return `onesocket.token.${btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}
