import { useEffect, useState } from "react";

/**
 * The seconds until a moment, as `Date.now()` counts.
 *
 * Give it the moment as its key as well, so that a new moment starts with a fresh clock. Its timer
 * lives as long as it is shown.
 */
export function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now);
  const leftMs = Math.max(0, until - now);

  useEffect(() => {
    if (leftMs === 0) return;
    // To the next whole second, so that no number is shown for longer than one.
    const timer = setTimeout(() => setNow(Date.now()), leftMs % 1000 || 1000);
    return () => clearTimeout(timer);
  }, [leftMs]);

  return <>{Math.ceil(leftMs / 1000)} s</>;
}
