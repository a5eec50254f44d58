import { type Connections, fetchConnections } from "./api.ts";
import { Store } from "./store.ts";

/** The server forgets a socket a moment after the page has heard of its end; and a burst is counted once. */
const COUNT_DELAY_MS = 100;

/** The user's sockets, counted by the server. */
export interface Counts {
  /** Open now. */
  readonly open: number;
  /** Opened since this page signed in. */
  readonly opened: number;
  /** Why the numbers may be old; `null` when they are fresh. */
  readonly problem: string | null;
}

/**
 * Counts the sockets that were really opened.
 *
 * The client's own word would prove nothing, so the server is asked. The server counts from its start;
 * this counts from the first answer, and a server that has started again does not confuse it.
 */
export class SocketCounter {
  /** `null` until the server has answered once. */
  readonly counts = new Store<Counts | null>(null);
  readonly #bearer: () => Promise<string | null>;
  #heard = 0;
  #underWay: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | null = null;
  #soon: ReturnType<typeof setTimeout> | undefined;

  /** `bearer` resolves to `null` as long as there is no token to ask with. */
  constructor(bearer: () => Promise<string | null>) {
    this.#bearer = bearer;
  }

  /**
   * Asks again; resolves to whether the server has answered. Never two requests at once, so no older
   * answer overtakes a newer one; calls made while one is under way share the one that follows.
   */
  refresh(): Promise<boolean> {
    this.#next ??= this.#underWay.then(() => {
      this.#next = null;
      const request = this.#ask();
      this.#underWay = request;
      return request;
    });
    return this.#next;
  }

  /** Asks again in a moment; calls made until then are one. */
  refreshSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.refresh(), COUNT_DELAY_MS);
  }

  async #ask(): Promise<boolean> {
    try {
      const token = await this.#bearer();
      if (token === null) return false;
      this.#count(await fetchConnections(token));
      return true;
    } catch (error) {
      const counts = this.counts.get();
      if (counts) this.counts.set({ ...counts, problem: (error as Error).message });
      return false;
    }
  }

  #count({ open, opened }: Connections): void {
    const before = this.counts.get();
    // Fewer than before: the server has started again, and all it counts is new.
    const increase = opened >= this.#heard ? opened - this.#heard : opened;
    this.#heard = opened;
    this.counts.set({ open, opened: before ? before.opened + increase : 0, problem: null });
  }
}
