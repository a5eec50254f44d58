import type { ErrorCode, State } from "onesocket";

/** What each state means, for people. */
export const STATE_MEANINGS: Readonly<Record<State, string>> = {
  idle: "Made, and never asked to connect.",
  connecting: "Fetching a token, shaking hands and agreeing the session.",
  connected: "The session is agreed. Everything on this page shares this one socket.",
  waiting: "The connection was lost or refused. The next attempt is due shortly.",
  closing: "Waiting until the old socket has really closed.",
  closed: "Closed on request. It stays closed until somebody connects again.",
  failed: "Ended, and it will not come back by itself.",
};

/** What each error code means and what helps. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, { readonly title: string; readonly advice: string }>> = {
  "attempts-exhausted": {
    title: "The server could not be reached",
    advice: "Every attempt has failed. Connect starts afresh with all attempts, and so does coming back online.",
  },
  replaced: {
    title: "Connected somewhere else",
    advice:
      "The same user has connected in another tab or on another device, and one user has one connection. Connect takes it over to this page.",
  },
  unauthorized: {
    title: "Not signed in any more",
    advice: "The server refused the token, and a fresh one as well. Sign out and in again, or connect to ask for another.",
  },
  refused: {
    title: "The server will not have this connection",
    advice: "It closed with a code that says not to come back unasked. Connect asks once more.",
  },
  closed: {
    title: "The connection was closed",
    advice: "What had not been delivered was given back. Connect opens it again.",
  },
  "another-user": {
    title: "Somebody else is signed in now",
    advice: "The rooms of the one before were left, and their messages given back.",
  },
  aborted: { title: "The attempt was withdrawn", advice: "Its caller no longer wanted it. Connect starts another." },
  "queue-full": {
    title: "Too much is waiting to be sent",
    advice: "The queue is bounded. Wait until the connection is back before sending more.",
  },
  "too-large": { title: "A message was too large", advice: "The server limits their size. Connect, and send less at once." },
  "invalid-options": { title: "The client was set up wrongly", advice: "The message names the options to correct." },
  "invalid-message": { title: "A message made no sense", advice: "The two ends speak different versions of the protocol, perhaps." },
  "no-handler": { title: "Nobody listens there", advice: "The server has no use for messages to itself. Publish to a room instead." },
  "token-failed": { title: "No token could be had", advice: "Is the server running with --issue-tokens? Connect tries again." },
  timeout: { title: "No answer in time", advice: "The server or the network is slow, or gone. Connect tries again." },
  unsupported: {
    title: "The client could not be loaded",
    advice: "The WebAssembly part did not load in this browser. The message says why. Connect tries again.",
  },
};
