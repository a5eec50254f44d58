// The life of the page: hidden and visible, frozen and resumed, offline and online.

const WAKE = 0;
const OFFLINE = 1;
const ONLINE = 2;

/** Says whether a URL leads to this machine, where no network is needed. */
function isLoopback(url) {
  try {
    const { hostname } = new URL(url);
    return /^(127\..*|\[::1\]|(.*\.)?localhost)$/.test(hostname);
  } catch {
    return false;
  }
}

/** Says whether the browser believes that there is no network, where one is needed. */
export function isOffline(url) {
  return globalThis.navigator?.onLine === false && !isLoopback(url);
}

/**
 * Listens, and tells what the machine has to know; returns a function that ends it. Where there is no
 * page, in a worker for example, there is nothing to listen to.
 */
export function listen(url, tell) {
  const { document, window } = globalThis;
  const wake = () => tell(WAKE);
  const needsNetwork = !isLoopback(url);
  const listeners = [
    [document, "resume", wake],
    // Hidden now: nothing to look at.
    [document, "visibilitychange", () => document.visibilityState === "hidden" || wake()],
    [window, "offline", () => needsNetwork && tell(OFFLINE)],
    [window, "online", () => tell(ONLINE)],
    // Shown for the first time, not brought back.
    [window, "pageshow", ({ persisted }) => persisted && wake()],
  ];
  for (const [target, type, listener] of listeners) target?.addEventListener?.(type, listener);
  return () => {
    for (const [target, type, listener] of listeners) target?.removeEventListener?.(type, listener);
  };
}
