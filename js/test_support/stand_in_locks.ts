/** A stand-in for the browser's `navigator.locks`, which Node has only from 24 on. */

type Work = (lock: object) => unknown;

interface LockOptions {
  readonly signal?: AbortSignal;
  readonly steal?: boolean;
}

interface Claim {
  readonly work: Work;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Exclusive locks, given to those who ask in their order; see the Web Locks API. */
export class StandInLocks {
  readonly #held = new Map<string, Claim>();
  readonly #waiting = new Map<string, Claim[]>();

  request(name: string, ...rest: [Work] | [LockOptions, Work]): Promise<unknown> {
    const [options, work] = rest.length === 1 ? [{}, rest[0]] : rest;
    return new Promise((resolve, reject) => {
      const claim = { work, resolve, reject };
      const held = this.#held.get(name);
      if (options.steal && held !== undefined) {
        this.#held.delete(name);
        held.reject(new DOMException("The lock was stolen.", "AbortError"));
      }
      const waiting = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, options.steal ? [claim, ...waiting] : [...waiting, claim]);
      options.signal?.addEventListener("abort", () => {
        const others = this.#waiting.get(name)?.filter((other) => other !== claim) ?? [];
        // One that was granted is not taken back.
        if (others.length === this.#waiting.get(name)?.length) return;
        this.#waiting.set(name, others);
        reject(new DOMException("The request was aborted.", "AbortError"));
      });
      queueMicrotask(() => this.#grant(name));
    });
  }

  query(): Promise<{ held: { name: string }[] }> {
    return Promise.resolve({ held: [...this.#held.keys()].map((name) => ({ name })) });
  }

  #grant(name: string): void {
    if (this.#held.has(name)) return;
    const claim = this.#waiting.get(name)?.shift();
    if (claim === undefined) return;
    this.#held.set(name, claim);
    const done = Promise.resolve(claim.work({ name, mode: "exclusive" }));
    void done.then(claim.resolve, claim.reject).finally(() => {
      // Of one that was stolen nothing is left to give back.
      if (this.#held.get(name) !== claim) return;
      this.#held.delete(name);
      this.#grant(name);
    });
  }
}
