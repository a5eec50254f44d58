/** What is tried: onesocket's client, or the naive one. */
interface Connectable {
  connect(): Promise<void>;
  close(): unknown;
}

/** Eight callers in one tick. */
export async function connectEightTimes(connection: Connectable): Promise<void> {
  await Promise.allSettled(Array.from({ length: 8 }, () => connection.connect()));
}

/** Fifty times there and back in one tick; all but the last `connect()` of ours are rejected, as they should be. */
export async function closeAndConnectFiftyTimes(connection: Connectable): Promise<void> {
  await Promise.allSettled(Array.from({ length: 50 }, () => [connection.close(), connection.connect()]).flat());
}

/**
 * Mounts, unmounts and mounts again, as Strict Mode does in development, then unmounts for good.
 *
 * The last pause is longer than the client waits after a release (500 ms), so that a connection that
 * was wrongly let go of would be seen.
 */
export async function mountTwice(setMounted: (mounted: boolean) => void): Promise<void> {
  setMounted(true);
  await pause(50);
  setMounted(false);
  await pause(50);
  setMounted(true);
  await pause(1500);
  setMounted(false);
  await pause(700);
}

/** Lets time pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
