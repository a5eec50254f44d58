/**
 * A panel for developers: where a client stands, what it has counted, and what has happened to it. For
 * any page and any framework; nothing of it is in an application that does not import it.
 *
 * @packageDocumentation
 */

import type { Client } from "./client.js";
import { panelIn } from "./panel.js";

/** How many lines are kept. */
const KEPT = 200;

/** One line: what happened, and how often in a row. */
export interface TimelineLine {
  /** When it happened first, as `Date.now()`. */
  readonly atMs: number;
  /** What happened: a step of the state, an error, a token, a message (its group and sender, not its data). */
  readonly text: string;
  /** How often it has happened in a row. */
  times: number;
}

/** What {@link attachDevtools} returns. */
export interface Devtools {
  /** What has happened, oldest first; the last 200 lines. */
  readonly timeline: readonly TimelineLine[];
  /** Takes the panel away, and stops listening. */
  detach(): void;
}

/**
 * Shows a panel in the corner of the page: the state, the counters, buttons for `connect()` and
 * `close()`, and a timeline in which a burst is one line. Where there is no document, only the timeline.
 */
export function attachDevtools(client: Client<unknown, never>): Devtools {
  const timeline: TimelineLine[] = [];
  const panel = panelIn("data-onesocket-devtools", "left");
  const [status, buttons, list] = [panel?.add("div"), panel?.add("div"), panel?.add("ol")];
  for (const [name, act] of [
    ["connect()", () => void client.connect().catch(() => {})],
    ["close()", () => void client.close().catch(() => {})],
  ] as const) {
    const button = buttons?.appendChild(document.createElement("button"));
    if (button === undefined) continue;
    button.textContent = name;
    button.addEventListener("click", act);
  }
  const render = (): void => {
    if (panel === undefined || status === undefined || list === undefined) return;
    const { state, attempt, maxAttempts, error } = client.status;
    panel.title(`onesocket: ${state}`, state === "failed");
    if (!panel.isOpen()) return;
    const { socketsOpened, reconnects, messagesIn, messagesOut } = client.stats();
    status.textContent = [
      `attempt ${attempt} of ${maxAttempts}`,
      `${socketsOpened} sockets, ${reconnects} reconnects`,
      `${messagesIn} in, ${messagesOut} out`,
      ...(error === null ? [] : [`${error.code}: ${error.message}`]),
    ].join(" · ");
    list.replaceChildren(...timeline.map(entry).reverse());
  };
  const note = (text: string): void => {
    const last = timeline.at(-1);
    if (last?.text === text) last.times += 1;
    else timeline.push({ atMs: Date.now(), text, times: 1 });
    if (timeline.length > KEPT) timeline.shift();
    render();
  };
  const removers = [
    client.on("state", ({ previous, current, reason }) =>
      note(`${previous} → ${current}${reason === undefined ? "" : `: ${reason}`}`),
    ),
    client.on("error", ({ code, message, undelivered = [] }) => {
      const lost = undelivered.length === 0 ? "" : ` (${undelivered.length} undelivered)`;
      note(`error ${code}: ${message}${lost}`);
    }),
    client.on("token", ({ event }) => note(`token ${event}`)),
    client.on("message", ({ group, from }) => {
      const parts = [group !== undefined && ` to ${group}`, from !== undefined && ` from ${from}`];
      note(`message${parts.filter(Boolean).join("")}`);
    }),
    client.subscribe(render),
  ];
  panel?.onToggle(render);
  render();
  return {
    timeline,
    detach: () => {
      for (const remove of removers) remove();
      panel?.remove();
    },
  };
}

function entry({ atMs, text, times }: TimelineLine): HTMLElement {
  const item = document.createElement("li");
  const time = new Date(atMs).toISOString().slice(11, 23);
  item.textContent = `${time} ${text}${times === 1 ? "" : ` × ${times}`}`;
  return item;
}
