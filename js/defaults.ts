// Drawn from `Config` of crates/core by its test `documents`: change it there.

/** The options that are numbers, with their defaults. */
export const DEFAULTS = {
  "reconnect.maxAttempts": 5,
  "reconnect.intervalMs": 5000,
  "reconnect.factor": 1,
  "reconnect.maxIntervalMs": 60_000,
  "reconnect.jitter": 0.1,
  connectTimeoutMs: 10_000,
  closeTimeoutMs: 3000,
  stableAfterMs: 10_000,
  releaseAfterMs: 500,
  "refresh.beforeExpiryMs": 60_000,
  "refresh.minIntervalMs": 30_000,
  "heartbeat.intervalMs": 0,
  "heartbeat.timeoutMs": 10_000,
  "queue.maxMessages": 1000,
  "queue.maxBytes": 1_048_576,
  "queue.whenFailed": 0,
} as const satisfies Readonly<Record<string, number>>;

/** What `reconnect: "forever"` stands for. */
export const FOREVER = {
  maxAttempts: Infinity,
  intervalMs: 1000,
  factor: 2,
  maxIntervalMs: 30_000,
  jitter: 0.5,
} as const;

/** The name of an option that is a number. */
export type OptionName = keyof typeof DEFAULTS;
