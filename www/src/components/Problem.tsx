import { useConnection } from "onesocket/react";

import { ERROR_MEANINGS } from "../meanings.ts";
import { type Store, useStore } from "../store.ts";

/** Says on the page what went wrong, and offers the way back. */
export function Problem({ tokenProblem }: { tokenProblem: Store<string | null> }) {
  const { state, error, connect } = useConnection();
  const token = useStore(tokenProblem);

  if (state === "failed" && error) {
    const { title, advice } = ERROR_MEANINGS[error.code];
    return (
      <div className="problem" role="alert" data-testid="error-message" data-code={error.code}>
        <div>
          <p className="problem-title">
            {title} <code>{error.code}</code>
          </p>
          <p>{advice}</p>
          <p className="problem-detail">
            {/* The client's message may quote it already. */}
            {token && !error.message.includes(token) && `${token}. `}
            {error.message}
          </p>
        </div>
        <button
          type="button"
          className="primary"
          data-testid="reconnect-button"
          // How it ends is the status, which is shown; a rejection that nobody handles is no error.
          onClick={() => void connect()}
        >
          Connect
        </button>
      </div>
    );
  }
  if (token && state !== "closed") {
    return (
      <div className="problem" role="alert" data-testid="error-message" data-code="token">
        <div>
          <p className="problem-title">No token could be fetched</p>
          <p>{token}. The client asks again by itself.</p>
        </div>
      </div>
    );
  }
  return null;
}
