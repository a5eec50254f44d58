// Drawn from `ErrorCode` of crates/core by its test `documents`: change it there.

/** What went wrong, for programs. The names are stable. */
export type ErrorCode =
  | "aborted"
  | "another-user"
  | "attempts-exhausted"
  | "closed"
  | "invalid-message"
  | "invalid-options"
  | "no-handler"
  | "queue-full"
  | "refused"
  | "replaced"
  | "timeout"
  | "token-failed"
  | "too-large"
  | "unauthorized"
  | "unsupported";
