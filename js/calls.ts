interface Open {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly settled: (() => void) | undefined;
}

/** The promises that have not been settled, by the number under which the machine knows the call. */
export class Calls {
  #last = 0;
  /** There only while something is open: an empty map would be a tenth of an idle client. */
  #open: Map<number, Open> | undefined;

  /** A number for a call whose answer nobody waits for. */
  number(): number {
    this.#last += 1;
    return this.#last;
  }

  /** Opens a call; `settled` runs as soon as it is settled, before anybody who awaits it. */
  open(settled?: () => void): { call: number; promise: Promise<void> } {
    const call = this.number();
    const promise = new Promise<void>((resolve, reject) => {
      this.#open ??= new Map();
      this.#open.set(call, { resolve, reject, settled });
    });
    return { call, promise };
  }

  /** Settles a call, if that has not been done; without an error it has succeeded. */
  settle(call: number, error?: unknown): void {
    const open = this.#open?.get(call);
    if (open === undefined) return;
    this.#open?.delete(call);
    if (this.#open?.size === 0) this.#open = undefined;
    open.settled?.();
    if (error === undefined) open.resolve();
    else open.reject(error);
  }

  /** Rejects every call that is open. */
  rejectAll(error: unknown): void {
    for (const call of this.#open?.keys() ?? []) this.settle(call, error);
  }
}
