import { Listeners } from "./listeners.js";
import {
  type AloneReason,
  bareStatus,
  freezeStatus,
  replaceStatus,
  type Role,
  type State,
  type Status,
  type StatusError,
} from "./status.js";
import type { Events } from "./types.js";

/** What is told: the events, and that the status is another object. */
interface Told extends Events {
  status: undefined;
}

type Played = Pick<Status, "role" | "aloneReason">;

/** One for all who share nothing: an empty object has room for four fields. */
const ALONE: Played = {};

/** What is known of the connection, and who is told of it. */
export class StatusStore {
  readonly listeners = new Listeners<Told>();
  #status: Status;
  /** The state that was told last. */
  #told: State = "idle";
  #isFinal = false;
  /** What this tab is to others, where it shares a connection. */
  #played: Played = ALONE;

  constructor(maxAttempts: number) {
    this.#status = freezeStatus(bareStatus("idle", maxAttempts));
  }

  get status(): Status {
    return this.#status;
  }

  /** Takes what the machine says is true. Nobody is told yet. */
  set(status: Status): void {
    if (!this.#isFinal) this.#status = replaceStatus(this.#status, { ...status, ...this.#played });
  }

  /** Tells that the status has changed, and what the state is now. */
  tell(current: State, reason: string | undefined): void {
    const previous = this.#told;
    this.#told = current;
    if (previous !== current) {
      const change = { previous, current, ...(reason !== undefined && { reason }) };
      this.listeners.tell("state", Object.freeze(change));
    }
    this.listeners.tell("status", undefined);
  }

  /** Takes what this tab is to the others now, and tells of it. */
  play(role: Role | undefined, aloneReason: AloneReason | undefined): void {
    this.#played = { ...(role && { role }), ...(aloneReason && { aloneReason }) };
    const { role: _role, aloneReason: _reason, ...rest } = this.#status;
    this.set(rest);
    this.listeners.tell("status", undefined);
  }

  /** Takes a status that needs no machine, and tells of it. */
  become(state: State, reason?: string, error: StatusError | null = null): void {
    const before = this.#status;
    this.set(freezeStatus(bareStatus(state, before.maxAttempts, error)));
    if (this.#status !== before) this.tell(state, reason);
  }

  /** `closed` for good: nothing changes any more, and nobody is told of anything. */
  end(): void {
    this.become("closed");
    this.#isFinal = true;
    this.listeners.clear();
  }
}
