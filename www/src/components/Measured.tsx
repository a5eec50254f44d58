import { useState } from "react";

import type { SocketCounter } from "../counter.ts";
import { pause } from "../stress.ts";

/** The server may hear of the last socket's end a moment after the page. */
const SETTLE_MS = 100;

/** What is done, and who counts the sockets of it. */
export interface Side {
  readonly counter: SocketCounter;
  readonly run: () => Promise<void>;
}

interface MeasuredProps {
  /** Names the button and its results for tests. */
  id: string;
  label: string;
  /** What the result is called, where that is shorter than the label. */
  result?: string;
  ours: Side;
  naive: Side;
  disabled?: boolean;
  onBusy?: (busy: boolean) => void;
}

/** A button that says how many sockets it has made: of ours, and of the naive hook. */
export function Measured({ id, label, result = label, ours, naive, disabled = false, onBusy }: MeasuredProps) {
  const [running, setRunning] = useState(false);
  const [outcomes, setOutcomes] = useState<readonly string[]>([]);

  const measure = async () => {
    setRunning(true);
    onBusy?.(true);
    setOutcomes([]);
    setOutcomes(await Promise.all([socketsOf(ours), socketsOf(naive)]));
    onBusy?.(false);
    setRunning(false);
  };

  return (
    <li>
      <button type="button" data-testid={`${id}-button`} disabled={disabled || running} onClick={() => void measure()}>
        {label}
      </button>
      <output className="ours" data-testid={`${id}-result`}>
        {running && "…"}
        {outcomes[0] !== undefined && `${result} → ${outcomes[0]}`}
      </output>
      <output className="naive" data-testid={`${id}-naive`}>
        {running && "…"}
        {outcomes[1]}
      </output>
    </li>
  );
}

/** Does it, and says how many sockets the server has counted. */
async function socketsOf({ counter, run }: Side): Promise<string> {
  await counter.refresh();
  const before = counter.counts.get()?.opened ?? 0;
  // How a `connect()` ends is the status, which the page shows anyway; here only sockets count.
  await run().catch(() => undefined);
  await pause(SETTLE_MS);
  const answered = await counter.refresh();
  const made = (counter.counts.get()?.opened ?? 0) - before;
  return answered ? `${made} new ${made === 1 ? "socket" : "sockets"}` : "the server could not be asked";
}
