import { Store } from "./store.ts";

/** What can be wrong with the way to the server until somebody mends it. */
export type Trouble = "away" | "silent" | "offline";

/** Nothing listens at this port of the person's own machine: the one for "discard". */
const NOWHERE = "ws://127.0.0.1:9/";

/**
 * The way from this page to the server, with troubles at the push of a button. All sockets of the page
 * go through it, those of onesocket by the option `WebSocket`; what they see of a trouble is what a
 * browser shows of a real one.
 */
export class Line {
  readonly troubles = new Store<ReadonlySet<Trouble>>(new Set());
  /** The constructor of sockets on this line. */
  readonly WebSocket: new (url: string, protocols?: string[]) => WebSocket;
  readonly #live = new Set<WebSocket>();

  constructor() {
    const has = (trouble: Trouble) => this.troubles.get().has(trouble);
    const live = this.#live;
    this.WebSocket = class extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        const target = new URL(url, location.href);
        super(has("away") || has("offline") ? NOWHERE : target.href.replace(/^http/, "ws"), protocols);
        live.add(this);
        this.addEventListener("close", () => live.delete(this));
        // Before any listener of a user's, who hears nothing while there is silence.
        this.addEventListener("message", (event) => has("silent") && event.stopImmediatePropagation());
      }

      override send(data: string | BufferSource): void {
        if (!has("silent")) super.send(data);
      }
    };
  }

  /** Begins a trouble, or ends it. */
  toggle(trouble: Trouble): void {
    const troubles = new Set(this.troubles.get());
    const begins = !troubles.delete(trouble);
    if (begins) troubles.add(trouble);
    this.troubles.set(troubles);
    if (trouble === "offline") this.#tellOnline(!begins);
    if (begins && trouble !== "silent") this.cut();
  }

  /** Cuts all connections, as a network that goes away does: without a closing handshake. */
  cut(): void {
    for (const socket of this.#live) {
      socket.close();
      socket.onclose?.(new CloseEvent("close", { code: 1006 }));
      // The one that comes now is of the network as it really is.
      socket.onclose = null;
    }
    this.#live.clear();
  }

  /** Mends all troubles. */
  mend(): void {
    for (const trouble of this.troubles.get()) this.toggle(trouble);
  }

  #tellOnline(isOnline: boolean): void {
    if (isOnline) Reflect.deleteProperty(navigator, "onLine");
    else Object.defineProperty(navigator, "onLine", { configurable: true, get: () => false });
    window.dispatchEvent(new Event(isOnline ? "online" : "offline"));
  }
}
