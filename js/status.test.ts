import assert from "node:assert/strict";
import { test } from "node:test";

import { bareStatus, replaceStatus, type Status } from "./status.js";

test("a status that differs in one field alone is another one", () => {
  const before: Status = bareStatus("failed", 5, { code: "refused", message: "no" });
  const others: Partial<Status>[] = [
    { state: "waiting" },
    { readyState: 1 },
    { attempt: 1 },
    { maxAttempts: 6 },
    { retryAtMs: 1 },
    { connectionId: "c1" },
    { tokenExpiresAtMs: 1 },
    { exactlyOnce: true },
    { error: { code: "closed", message: "no" } },
    { error: { code: "refused", message: "why" } },
    { error: null },
  ];

  for (const other of others) {
    const after = { ...before, ...other };
    assert.equal(replaceStatus(before, after), after, JSON.stringify(other));
    assert.equal(replaceStatus(after, before), before, JSON.stringify(other));
  }
  const same = { ...before, error: { code: "refused", message: "no" } as const };
  assert.equal(replaceStatus(before, same), before);
});

test("without a socket the readyState is CLOSED, and CONNECTING while there will be one", () => {
  for (const state of ["idle", "waiting", "closed", "failed"] as const) {
    assert.equal(bareStatus(state, 5).readyState, 3, state);
  }
  assert.equal(bareStatus("connecting", 5).readyState, 0);
});
