import { type Store, useStore } from "../store.ts";
import type { TimelineEntry } from "../timeline.ts";

/** What the client has reported, newest first. */
export function Timeline({ entries }: { entries: Store<readonly TimelineEntry[]> }) {
  const shown = useStore(entries);

  return (
    <section className="panel" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      {shown.length === 0 && <p className="empty">Nothing has happened yet.</p>}
      {/* A region that scrolls has to be reachable by keyboard. */}
      <ol className="timeline" data-testid="timeline" tabIndex={0} aria-labelledby="timeline-title">
        {shown.map((entry) => (
          <li key={entry.id} data-testid="timeline-entry" data-kind={entry.kind}>
            <time dateTime={entry.at.toISOString()}>{clock(entry.at)}</time>
            {entry.kind === "state" ? (
              <p data-state={entry.current}>
                <span className="from">{entry.previous}</span> → <strong>{entry.current}</strong>
                {entry.reason !== null && <span className="reason"> {entry.reason}</span>}
              </p>
            ) : (
              <p data-state="failed">
                <strong>{entry.code}</strong>
                <span className="reason">
                  {" "}
                  {entry.message}
                  {entry.undelivered > 0 && ` (undelivered: ${entry.undelivered})`}
                </span>
              </p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** To the millisecond: what used to go wrong went wrong within a few of them. */
function clock(at: Date): string {
  const time = at.toLocaleTimeString(undefined, { hour12: false });
  return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
