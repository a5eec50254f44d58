import { callOut } from "./error.js";

interface Entry<T> {
  readonly listener: (value: T) => unknown;
  removed: boolean;
}

/**
 * Who listens to what. Events are told one after the other, each to everybody: what a listener
 * causes is told after the event that it is hearing, so that all hear the same order.
 */
export class Listeners<Events> {
  #entries: { [E in keyof Events]?: readonly Entry<Events[E]>[] } = {};
  #telling = false;
  /** What is to be told after that; there only while something is. */
  #queue: (() => void)[] | undefined;

  /** Adds a listener; returns the function that removes it. */
  add<E extends keyof Events>(event: E, listener: (value: Events[E]) => unknown): () => void {
    const entry: Entry<Events[E]> = { listener, removed: false };
    // A new array: who is being told of an event now is not disturbed. A spread would leave room for 16 more.
    this.#entries[event] = (this.#entries[event] ?? []).concat(entry);
    return () => {
      entry.removed = true;
      this.#entries[event] = this.#entries[event]?.filter((other) => other !== entry) ?? [];
    };
  }

  /** Tells everybody who listens to `event`: at once, or after the events that are being told. */
  tell<E extends keyof Events>(event: E, value: Events[E]): void {
    this.inTurn(() => this.tellNow(event, value));
  }

  /** Runs what calls the application: at once, or after the events that are being told. */
  inTurn(work: () => void): void {
    if (this.#telling) (this.#queue ??= []).push(work);
    else this.together(work);
  }

  /** Runs `work`; what is told meanwhile reaches the listeners after it, in order. */
  together(work: () => void): void {
    if (this.#telling) {
      work();
      return;
    }
    this.#telling = true;
    try {
      work();
    } finally {
      this.#drain();
      this.#telling = false;
    }
  }

  /** Removes all listeners, at once. */
  clear(): void {
    for (const event in this.#entries) {
      for (const entry of this.#entries[event] ?? []) entry.removed = true;
    }
    this.#entries = {};
  }

  /** Tells everybody who listens, from within what runs in turn. */
  tellNow<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const entry of this.#entries[event] ?? []) {
      if (!entry.removed) callOut(entry.listener, value);
    }
  }

  /** Runs the queue; work that throws is reported, and holds up nothing behind it. */
  #drain(): void {
    // What is queued meanwhile is met as well.
    for (const work of this.#queue ?? []) callOut(work, undefined);
    this.#queue = undefined;
  }
}
