interface Open {
  readonly call: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly settled: (() => void) | undefined;
}

/** The promises that have not been settled, by the number under which the machine knows the call. */
export class Calls {
  #last = 0;
  /** Oldest first, as the server answers; an empty list is the smallest thing to keep. */
  #open: readonly Open[] = [];

  /** A number for a call whose answer nobody waits for. */
  number(): number {
    this.#last += 1;
    return this.#last;
  }

  /** Opens a call; `settled` runs as soon as it is settled, before anybody who awaits it. */
  open(settled?: () => void): { call: number; promise: Promise<void> } {
    const call = this.number();
    const promise = new Promise<void>((resolve, reject) => {
      this.#open = [...this.#open, { call, resolve, reject, settled }];
    });
    return { call, promise };
  }

  /** Settles a call, if that has not been done; without an error it has succeeded. */
  settle(call: number, error?: unknown): void {
    const open = this.#open.find((other) => other.call === call);
    if (open === undefined) return;
    this.#open = this.#open.filter((other) => other !== open);
    open.settled?.();
    if (error === undefined) open.resolve();
    else open.reject(error);
  }

  /** Rejects every call that is open. */
  rejectAll(error: unknown): void {
    for (const { call } of this.#open) this.settle(call, error);
  }
}
