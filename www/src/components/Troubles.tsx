import { useConnection } from "onesocket/react";

import type { Line, Trouble } from "../line.ts";
import { useStore } from "../store.ts";

const LASTING: readonly { readonly trouble: Trouble; readonly label: string; readonly effect: string }[] = [
  { trouble: "away", label: "server away", effect: "five attempts 5 s apart; then it has failed, and says so" },
  { trouble: "offline", label: "offline", effect: "attempts are put off, and made at once when it is over" },
  { trouble: "silent", label: "silence", effect: "the connection looks alive; the heartbeat finds that it is not" },
];

interface TroublesProps {
  line: Line;
  onRefuseToken: () => void;
}

/** What a network and a server do to a connection, at the push of a button. */
export function Troubles({ line, onRefuseToken }: TroublesProps) {
  const troubles = useStore(line.troubles);
  const { role } = useConnection();

  return (
    <section className="panel" aria-labelledby="troubles-title">
      <h2 id="troubles-title">Make trouble</h2>
      <ul className="troubles">
        <li>
          <button type="button" data-testid="cut-button" onClick={() => line.cut()}>
            cut
          </button>
          <span className="hint">lost without a word; the next attempt comes within 5 s</span>
        </li>
        {LASTING.map(({ trouble, label, effect }) => (
          <li key={trouble}>
            <button
              type="button"
              data-testid={`${trouble}-button`}
              aria-pressed={troubles.has(trouble)}
              onClick={() => line.toggle(trouble)}
            >
              {label}
            </button>
            <span className="hint">{effect}</span>
          </li>
        ))}
        <li>
          <button type="button" data-testid="token-button" onClick={onRefuseToken}>
            token refused
          </button>
          <span className="hint">one more attempt, with a fresh token, then connected</span>
        </li>
      </ul>
      <p className="hint">
        {role === "follower"
          ? "Only the naive hook feels it: the socket of onesocket is in the tab that leads."
          : "Both feel it. What is sent meanwhile waits, and arrives once."}
      </p>
    </section>
  );
}
