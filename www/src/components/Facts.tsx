import type { ReadyState } from "onesocket";
import { useConnection } from "onesocket/react";

import { Countdown } from "./Countdown.tsx";

const READY_STATES: Readonly<Record<ReadyState, string>> = {
  0: "connecting",
  1: "open",
  2: "closing",
  3: "closed",
};

const NONE = "–";

/** What is known about the connection. */
export function Facts() {
  const { state, readyState, attempt, maxAttempts, retryAtMs, connectionId, tokenExpiresAtMs } = useConnection();
  const waiting = state === "waiting" && retryAtMs !== null;

  return (
    <dl className="facts">
      <div>
        <dt>readyState</dt>
        <dd data-testid="ready-state">
          {readyState} ({READY_STATES[readyState]})
        </dd>
      </div>
      <div>
        <dt>Attempt</dt>
        <dd data-testid="attempt">
          {attempt} of {maxAttempts}
        </dd>
      </div>
      <div className={waiting ? "fact-live" : undefined}>
        <dt>Next attempt in</dt>
        <dd data-testid="countdown">{waiting ? <Countdown key={retryAtMs} until={retryAtMs} /> : NONE}</dd>
      </div>
      <div>
        <dt>Connection id</dt>
        <dd data-testid="connection-id">{connectionId ?? NONE}</dd>
      </div>
      <div>
        <dt>Token runs out</dt>
        <dd data-testid="token-expiry">
          {tokenExpiresAtMs === null ? NONE : new Date(tokenExpiresAtMs).toLocaleTimeString()}
        </dd>
      </div>
    </dl>
  );
}
