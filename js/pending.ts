import type { Core } from "./core.js";
import { OneSocketError } from "./error.js";
import type { Numbers } from "./options.js";

/** Something to be said once the wasm is there. */
export interface PendingMessage {
  /** Says it. May throw what {@link Core.send} throws. */
  readonly say: (core: Core) => void;
  /** The text or the private copy that `send()` was given; absent for what has a promise. */
  readonly sent?: string | Uint8Array;
  /** What it takes of the queue; `undefined` for what is no message. */
  readonly bytes?: number;
}

/**
 * The calls made before the wasm is there, in the shortest form that leads the machine to the same
 * end: their number is bounded by the queue's limits and by the promises that the callers hold.
 */
export class PendingCalls {
  /** Whether `close()` was called: then only `connect()` revives. */
  #closed = false;
  #holders = 0;
  #connects = new Set<number>();
  #messages: PendingMessage[] = [];
  #count = 0;
  #bytes = 0;
  readonly #limits: Numbers;

  constructor(limits: Numbers) {
    this.#limits = limits;
  }

  /** How many bytes of messages are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `close()` was called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether anybody wants the connection. */
  get isWanted(): boolean {
    return this.#holders > 0 || this.#connects.size > 0;
  }

  connect(call: number): void {
    this.#connects.add(call);
  }

  /** Takes a `connect()` back; false if it was not kept. */
  withdraw(call: number): boolean {
    return this.#connects.delete(call);
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
  }

  /**
   * Keeps something to be said.
   *
   * Throws `queue-full`.
   */
  add(message: PendingMessage): void {
    if (message.bytes !== undefined) {
      const maxMessages = this.#limits["queue.maxMessages"];
      const maxBytes = this.#limits["queue.maxBytes"];
      if (this.#count >= maxMessages || this.#bytes + message.bytes > maxBytes) {
        throw new OneSocketError(
          "queue-full",
          `The queue is full (${maxMessages} messages or ${maxBytes} bytes wait for a ` +
            "connection). Send less, or raise the option queue.",
        );
      }
      this.#count += 1;
      this.#bytes += message.bytes;
    }
    this.#messages.push(message);
  }

  /** Forgets everything but the holders; returns what `send()` had been given. */
  end(closed: boolean): (string | Uint8Array)[] {
    this.#closed = closed;
    this.#connects.clear();
    return this.#takeMessages().flatMap(({ sent }) => (sent === undefined ? [] : [sent]));
  }

  /**
   * Makes the calls. Wishes come first: who wants the connection before its messages are queued, and
   * in which order the wishes came, makes no difference to the machine.
   *
   * `refused` is told of what `send()` had been given and the machine would not take.
   */
  replay(core: Core, close: number, refused: (sent: unknown, thrown: unknown) => void): void {
    if (this.#closed) core.close(close, undefined, undefined);
    for (const call of this.#connects) core.connect(call);
    // Held and released while loading: the machine knows how long that still counts.
    if (!this.isWanted) {
      core.hold();
      core.release();
    }
    for (let holder = 0; holder < this.#holders; holder += 1) core.hold();
    for (const { say, sent } of this.#takeMessages()) {
      try {
        say(core);
      } catch (thrown) {
        refused(sent, thrown);
      }
    }
  }

  #takeMessages(): PendingMessage[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#count = 0;
    this.#bytes = 0;
    return messages;
  }
}
