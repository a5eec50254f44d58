import type { Client } from "onesocket";

import { Store } from "./store.ts";

const KEPT = 200;

/** Events that follow each other faster belong together; a person cannot follow them. */
const BURST_GAP_MS = 100;

/** Fewer are not worth folding. */
const BURST = 6;

/** One line of the timeline. */
export type TimelineEntry = { readonly id: number; readonly at: Date } & (
  | { readonly kind: "state"; readonly previous: string; readonly current: string; readonly reason: string | null }
  | { readonly kind: "error"; readonly code: string; readonly message: string; readonly undelivered: number }
);

/**
 * Writes down what the client reports, newest first.
 *
 * Not in an effect: the client may report before the first effect has run, and no event is to be missed.
 */
export function recordTimeline(client: Client): Store<readonly TimelineEntry[]> {
  const entries = new Store<readonly TimelineEntry[]>([]);
  let id = 0;
  const stamp = () => ({ id: ++id, at: new Date() });
  const add = (entry: TimelineEntry) => entries.set([entry, ...entries.get()].slice(0, KEPT));

  client.on("state", ({ previous, current, reason }) => {
    add({ ...stamp(), kind: "state", previous, current, reason: reason ?? null });
  });
  client.on("error", (error) => {
    const undelivered = error.undelivered?.length ?? 0;
    add({ ...stamp(), kind: "error", code: error.code, message: error.message, undelivered });
  });
  return entries;
}

/** Groups entries, newest first: those that came in a burst together, each other one by itself. */
export function burstsOf(entries: readonly TimelineEntry[]): [TimelineEntry, ...TimelineEntry[]][] {
  const runs: [TimelineEntry, ...TimelineEntry[]][] = [];
  for (const entry of entries) {
    const run = runs.at(-1);
    const newer = run?.at(-1);
    if (run && newer && newer.at.getTime() - entry.at.getTime() < BURST_GAP_MS) run.push(entry);
    else runs.push([entry]);
  }
  return runs.flatMap((run) => (run.length < BURST ? run.map((entry): [TimelineEntry] => [entry]) : [run]));
}
