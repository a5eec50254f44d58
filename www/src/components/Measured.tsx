import { useState } from "react";

import type { SocketCounter } from "../counter.ts";
import { pause } from "../stress.ts";

/** The server may hear of the last socket's end a moment after the page. */
const SETTLE_MS = 100;

interface MeasuredProps {
  /** Names the button and its result for tests. */
  id: string;
  label: string;
  /** What the result is called, where that is shorter than the label. */
  result?: string;
  counter: SocketCounter;
  run: () => Promise<void>;
  disabled?: boolean;
  onBusy?: (busy: boolean) => void;
}

/** A button that says how many sockets it has made. */
export function Measured({ id, label, result = label, counter, run, disabled = false, onBusy }: MeasuredProps) {
  const [running, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<string | null>(null);

  const measure = async () => {
    setRunning(true);
    onBusy?.(true);
    setOutcome(null);
    await counter.refresh();
    const before = counter.counts.get()?.opened ?? 0;
    // How a `connect()` ends is the status, which the page shows anyway; here only sockets count.
    await run().catch(() => undefined);
    await pause(SETTLE_MS);
    const answered = await counter.refresh();
    const made = (counter.counts.get()?.opened ?? 0) - before;
    setOutcome(answered ? `${made} new ${made === 1 ? "socket" : "sockets"}` : "the server could not be asked");
    onBusy?.(false);
    setRunning(false);
  };

  return (
    <li>
      <button type="button" data-testid={`${id}-button`} disabled={disabled || running} onClick={() => void measure()}>
        {label}
      </button>
      <output data-testid={`${id}-result`}>
        {running && "…"}
        {outcome !== null && `${result} → ${outcome}`}
      </output>
    </li>
  );
}
