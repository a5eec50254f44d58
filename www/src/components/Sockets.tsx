import { useState } from "react";
import { useConnection } from "onesocket/react";

import type { SocketCounter } from "../counter.ts";
import { useStore } from "../store.ts";
import { closeAndConnectFiftyTimes, connectEightTimes, mountTwice } from "../stress.ts";
import { Measured } from "./Measured.tsx";
import { TenComponents } from "./TenComponents.tsx";

/** What used to make duplicates, beside the sockets that the server has counted. */
export function Sockets({ counter }: { counter: SocketCounter }) {
  const { client, connect, close } = useConnection();
  const counts = useStore(counter.counts);
  const [busy, setBusy] = useState(false);
  const [mounted, setMounted] = useState(false);

  return (
    <section className="panel" aria-labelledby="sockets-title">
      <h2 id="sockets-title">Sockets, as the server counts them</h2>
      <p className="counts" data-testid="server-counts">
        <span>
          open now: <strong data-testid="server-open">{counts?.open ?? "–"}</strong>
        </span>
        <span className="counts-dot"> · </span>
        <span>
          opened since you signed in: <strong data-testid="server-opened">{counts?.opened ?? "–"}</strong>
        </span>
      </p>
      {counts?.problem && (
        <p className="hint" data-testid="server-problem">
          As of the last answer; now {counts.problem}.
        </p>
      )}
      <p className="hint">Try to open a second one:</p>
      {/* One at a time, or a socket would be put down to the wrong button. Closing is always possible. */}
      <ul className="actions">
        <Measured id="connect" label="connect" counter={counter} run={connect} disabled={busy} onBusy={setBusy} />
        <Measured id="close" label="close" counter={counter} run={close} />
        <Measured
          id="connects"
          label="8 connects at once"
          result="8 connects"
          counter={counter}
          run={() => connectEightTimes(client)}
          disabled={busy}
          onBusy={setBusy}
        />
        <Measured
          id="close-connect"
          label="close + connect × 50"
          counter={counter}
          run={() => closeAndConnectFiftyTimes(client)}
          disabled={busy}
          onBusy={setBusy}
        />
        <Measured
          id="mount"
          label="mount ten components (Strict Mode)"
          result="ten components"
          counter={counter}
          run={() => mountTwice(setMounted)}
          disabled={busy}
          onBusy={setBusy}
        />
      </ul>
      {mounted && <TenComponents />}
    </section>
  );
}
