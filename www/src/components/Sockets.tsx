import { useState } from "react";
import { useConnection } from "onesocket/react";

import type { Counts, SocketCounter } from "../counter.ts";
import type { NaiveConnection } from "../naive.ts";
import { useStore } from "../store.ts";
import { closeAndConnectFiftyTimes, connectEightTimes, mountTwice } from "../stress.ts";
import { Measured, type Side } from "./Measured.tsx";
import { TenComponents, TenNaiveComponents } from "./TenComponents.tsx";

/** What used to make duplicates, done to both, beside the sockets that the server has counted. */
export function Sockets({ counter, naive }: { counter: SocketCounter; naive: NaiveConnection }) {
  const { client, connect, close } = useConnection();
  const counts = useStore(counter.counts);
  const naiveCounts = useStore(naive.counter.counts);
  const early = useStore(naive.early);
  const [busy, setBusy] = useState(false);
  const [mounted, setMounted] = useState(false);
  const [naiveMounted, setNaiveMounted] = useState(false);

  const ours = (run: () => Promise<void>): Side => ({ counter, run });
  const theirs = (run: () => Promise<void>): Side => ({
    counter: naive.counter,
    run: async () => {
      await naive.prepare();
      await run();
      await naive.settled();
    },
  });
  // One at a time, or a socket would be put down to the wrong button. Closing is always possible.
  const one = { disabled: busy, onBusy: setBusy };

  return (
    <section className="panel whole" aria-labelledby="sockets-title">
      <h2 id="sockets-title">The same clicks, twice: sockets as the server counts them</h2>
      <div className="sides">
        <div data-testid="server-counts">
          <h3>onesocket</h3>
          <Count counts={counts} id="server" before="–" />
        </div>
        <div className="naive-side">
          <h3>a naive hook</h3>
          <Count counts={naiveCounts} id="naive" before={0} />
          <p className="hint">
            closed before they were established: <span data-testid="naive-early">{early}</span>
          </p>
        </div>
      </div>
      {counts?.problem && (
        <p className="hint" data-testid="server-problem">
          As of the last answer; now {counts.problem}.
        </p>
      )}
      <ul className="actions">
        <Measured id="connect" label="connect" ours={ours(connect)} naive={theirs(() => naive.connect())} {...one} />
        <Measured id="close" label="close" ours={ours(close)} naive={theirs(async () => naive.close())} />
        <Measured
          id="connects"
          label="8 connects at once"
          result="8 connects"
          ours={ours(() => connectEightTimes(client))}
          naive={theirs(() => connectEightTimes(naive))}
          {...one}
        />
        <Measured
          id="close-connect"
          label="close + connect × 50"
          ours={ours(() => closeAndConnectFiftyTimes(client))}
          naive={theirs(() => closeAndConnectFiftyTimes(naive))}
          {...one}
        />
        <Measured
          id="mount"
          label="mount ten components (Strict Mode)"
          result="ten components"
          ours={ours(() => mountTwice(setMounted))}
          naive={theirs(() => mountTwice(setNaiveMounted))}
          {...one}
        />
      </ul>
      {mounted && <TenComponents />}
      {naiveMounted && <TenNaiveComponents naive={naive} />}
      <p className="hint">
        The naive hook opens a socket in an effect and closes the newest one in its clean-up, as many applications
        do; its source is <code>www/src/naive.ts</code>. It stops at 100 sockets.
      </p>
    </section>
  );
}

interface CountProps {
  counts: Counts | null;
  id: string;
  /** What is shown before the server was asked. */
  before: string | number;
}

function Count({ counts, id, before }: CountProps) {
  return (
    <p className="counts">
      <span>
        open now: <strong data-testid={`${id}-open`}>{counts?.open ?? before}</strong>
      </span>
      <span className="counts-dot"> · </span>
      <span>
        opened in all: <strong data-testid={`${id}-opened`}>{counts?.opened ?? before}</strong>
      </span>
    </p>
  );
}
