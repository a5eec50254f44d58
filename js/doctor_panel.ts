/** The doctor's panel: what was found, and the list of sockets. */

import type { SocketRecord } from "./doctor.js";
import { panelIn } from "./panel.js";

/** What is shown. */
export interface Shown {
  readonly records: readonly SocketRecord[];
  readonly summary: () => string;
  readonly subscribe: (watcher: () => void) => unknown;
}

/** How many sockets the list has: the newest. */
const LISTED = 50;

/** Shows the panel; returns what takes it away. */
export function showPanel({ records, summary, subscribe }: Shown): () => void {
  const panel = panelIn("data-onesocket-doctor", "right");
  if (panel === undefined) return () => {};
  const list = panel.add("ol");
  const render = (): void => {
    const isBad = records.some(({ isDuplicate, wasClosedEarly }) => isDuplicate || wasClosedEarly);
    panel.title(`sockets: ${summary()}`, isBad);
    if (panel.isOpen()) list.replaceChildren(...records.slice(-LISTED).map(entry));
  };
  panel.onToggle(render);
  subscribe(render);
  render();
  return panel.remove;
}

function entry(record: SocketRecord): HTMLElement {
  const { url, madeBy, livedMs, code, isDuplicate, wasClosedEarly } = record;
  const life = livedMs === undefined ? "open" : `lived ${livedMs} ms, closed with ${code}`;
  const faults = [isDuplicate && "duplicate", wasClosedEarly && "closed while connecting"].filter(Boolean);
  const item = document.createElement("li");
  item.textContent = `${madeBy || "?"}: ${url}: ${[life, ...faults].join(", ")}`;
  item.title = record.stack;
  return item;
}
