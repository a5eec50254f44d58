/** The doctor's panel: a line in the corner of the page, and the list of sockets behind it. */

import type { SocketRecord } from "./doctor.js";

/** What is shown. */
export interface Shown {
  readonly records: readonly SocketRecord[];
  readonly summary: () => string;
  readonly subscribe: (watcher: () => void) => unknown;
}

/** How many sockets the list has: the newest. */
const LISTED = 50;

const STYLE = {
  position: "fixed",
  right: "8px",
  bottom: "8px",
  zIndex: "2147483647",
  maxWidth: "min(640px, calc(100vw - 16px))",
  maxHeight: "50vh",
  overflow: "auto",
  padding: "6px 10px",
  borderRadius: "6px",
  font: "12px/1.5 system-ui, sans-serif",
  color: "#fff",
  background: "#222",
} as const;

/** Shows the panel once the page has a body; returns what takes it away. */
export function showPanel({ records, summary, subscribe }: Shown): () => void {
  if (typeof document === "undefined") return () => {};
  const panel = document.createElement("details");
  // By the properties, which no Content-Security-Policy forbids.
  Object.assign(panel.style, STYLE);
  panel.setAttribute("data-onesocket-doctor", "");
  const line = panel.appendChild(document.createElement("summary"));
  const list = panel.appendChild(document.createElement("ol"));
  const render = (): void => {
    const isBad = records.some(({ isDuplicate, wasClosedEarly }) => isDuplicate || wasClosedEarly);
    panel.style.background = isBad ? "#8a1c1c" : "#222";
    line.textContent = `sockets: ${summary()}`;
    if (panel.open) list.replaceChildren(...records.slice(-LISTED).map(entry));
  };
  const attach = (): void => {
    document.body.append(panel);
    render();
  };
  panel.addEventListener("toggle", render);
  subscribe(render);
  if (document.body) attach();
  else document.addEventListener("DOMContentLoaded", attach, { once: true });
  return () => {
    document.removeEventListener("DOMContentLoaded", attach);
    panel.remove();
  };
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
