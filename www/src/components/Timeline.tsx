import { type Store, useStore } from "../store.ts";
import { burstsOf, type TimelineEntry } from "../timeline.ts";

/** What the client has reported, newest first; many of them at once are folded. */
export function Timeline({ entries }: { entries: Store<readonly TimelineEntry[]> }) {
  const shown = useStore(entries);

  return (
    <section className="panel" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      {shown.length === 0 && <p className="empty">Nothing has happened yet.</p>}
      {/* A region that scrolls has to be reachable by keyboard. */}
      <ol className="timeline" data-testid="timeline" tabIndex={0} aria-labelledby="timeline-title">
        {burstsOf(shown).map((burst) => {
          const [newest, ...older] = burst;
          const oldest = older.at(-1);
          if (oldest === undefined) return <Entry key={newest.id} entry={newest} />;
          return (
            <li key={oldest.id} className="burst">
              <details data-testid="timeline-burst">
                <summary>
                  {burst.length} events within {newest.at.getTime() - oldest.at.getTime()} ms, the last:{" "}
                  <strong data-state={stateOf(newest)}>{newest.kind === "state" ? newest.current : newest.code}</strong>
                </summary>
                <ol>
                  {burst.map((entry) => (
                    <Entry key={entry.id} entry={entry} />
                  ))}
                </ol>
              </details>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Entry({ entry }: { entry: TimelineEntry }) {
  return (
    <li data-testid="timeline-entry" data-kind={entry.kind}>
      <time dateTime={entry.at.toISOString()}>{clock(entry.at)}</time>
      <p data-state={stateOf(entry)}>
        {entry.kind === "state" ? (
          <>
            <span className="from">{entry.previous}</span> → <strong>{entry.current}</strong>
            {entry.reason !== null && <span className="reason"> {entry.reason}</span>}
          </>
        ) : (
          <>
            <strong>{entry.code}</strong>
            <span className="reason">
              {" "}
              {entry.message}
              {entry.undelivered > 0 && ` (undelivered: ${entry.undelivered})`}
            </span>
          </>
        )}
      </p>
    </li>
  );
}

/** In whose colour it is shown. */
function stateOf(entry: TimelineEntry): string {
  return entry.kind === "state" ? entry.current : "failed";
}

/** To the millisecond: what used to go wrong went wrong within a few of them. */
function clock(at: Date): string {
  const time = at.toLocaleTimeString(undefined, { hour12: false });
  return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
