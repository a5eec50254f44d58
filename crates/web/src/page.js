// The life of the page: hidden and visible, frozen and resumed, offline and online, in use.

// See `event.rs`.
const WAKE = 30;
const OFFLINE = 31;
const ONLINE = 32;
const ACTIVITY = 33;

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

/** The events, each with its target. */
const EVENTS = [
  ["document", "keydown"],
  ["document", "pointerdown"],
  ["document", "resume"],
  ["document", "visibilitychange"],
  ["window", "focus"],
  ["window", "offline"],
  ["window", "online"],
  ["window", "pageshow"],
];

/**
 * Calls a method of every target there is: in a worker, for example, there is no page. Before others, who
 * may keep a key or a click to themselves.
 */
function each(method, listener) {
  for (const [target, type] of EVENTS) globalThis[target]?.[method]?.(type, listener, true);
}

/** Listens, and tells what the machine has to know; returns what `end` takes. */
export function listen(url, driver) {
  const needsNetwork = !isLoopback(url);
  const listener = ({ type, persisted }) => {
    if (type === "offline") {
      if (needsNetwork) driver.tell(0, OFFLINE);
    } else if (type === "online") {
      driver.tell(0, ONLINE);
    } else if (type === "pageshow") {
      // Else it is shown for the first time, not brought back.
      if (persisted) driver.tell(0, WAKE);
    } else if (type === "resume" || type === "visibilitychange") {
      // Hidden now: nothing to look at.
      if (type === "resume" || document.visibilityState !== "hidden") driver.tell(0, WAKE);
    } else {
      driver.tell(0, ACTIVITY);
    }
  };
  each("addEventListener", listener);
  return listener;
}

/** Ends what `listen` began. */
export function end(listener) {
  each("removeEventListener", listener);
}
