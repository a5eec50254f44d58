/** How the browsers of these tests are started. */

import { HOST } from "./host.mjs";

/** A host that is not this machine by its name: one for which the network matters. */
export const FAR_HOST = "onesocket.test";

export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-domain-reliability",
  "--metrics-recording-only",
  `--host-resolver-rules=MAP ${FAR_HOST} ${HOST}`,
];
