import { type ErrorCode, OneSocketError } from "./error.js";
import { Listeners } from "./listeners.js";
import {
  bareStatus,
  freezeStatus,
  replaceStatus,
  type State,
  type Status,
  type StatusError,
} from "./status.js";
import type { Events } from "./types.js";

/** What is told: the events, and that the status is another object. */
interface Told extends Events {
  status: undefined;
}

/** What is known of the connection, and who is told of it. */
export class StatusStore {
  readonly listeners = new Listeners<Told>();
  #status: Status;
  #settling: { reason: string | undefined } | undefined;
  #isFinal = false;

  constructor(maxAttempts: number) {
    this.#status = freezeStatus(bareStatus("idle", maxAttempts));
  }

  get status(): Status {
    return this.#status;
  }

  /** Takes what the machine says is true. Nobody is told yet. */
  set(status: Status): void {
    if (!this.#isFinal) this.#status = replaceStatus(this.#status, status);
  }

  /** Tells that the status has changed. */
  tell(previous: State, current: State, reason: string | undefined): void {
    if (this.#settling !== undefined) {
      this.#settling.reason = reason;
      return;
    }
    if (previous !== current) {
      const change = { previous, current, ...(reason !== undefined && { reason }) };
      this.listeners.tell("state", Object.freeze(change));
    }
    this.listeners.tell("status", undefined);
  }

  /** Tells of an error, with the messages that were lost. */
  tellError(code: ErrorCode, message: string, undelivered: readonly unknown[] = []): void {
    const more = undelivered.length > 0 ? { undelivered } : {};
    this.listeners.tell("error", new OneSocketError(code, message, more));
  }

  /** Takes a status that needs no machine, and tells of it. */
  become(state: State, reason?: string, error: StatusError | null = null): void {
    const before = this.#status;
    this.set(freezeStatus(bareStatus(state, before.maxAttempts, error)));
    if (this.#status !== before) this.tell(before.state, state, reason);
  }

  /**
   * Runs what leads the machine from its beginning to where the connection was said to stand. What
   * lies between was told when it happened; only where it ends is told.
   */
  settle(work: () => void): void {
    this.listeners.together(() => {
      const told = this.#status;
      const settling = { reason: undefined as string | undefined };
      this.#settling = settling;
      try {
        work();
      } finally {
        this.#settling = undefined;
      }
      if (this.#status !== told) this.tell(told.state, this.#status.state, settling.reason);
    });
  }

  /** `closed` for good: nothing changes any more, and nobody is told of anything. */
  end(): void {
    this.become("closed");
    this.#isFinal = true;
    this.listeners.clear();
  }
}
