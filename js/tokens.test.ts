import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { NotAuthenticated, RetryLater } from "./client.js";
import {
  doubtOf,
  type GetToken,
  readAnswer,
  readThrown,
  type TokenRequest,
  type TokenResult,
  Tokens,
} from "./tokens.js";

test("a token is a string, alone or with its life", () => {
  const token = "t".repeat(16 * 1024);

  assert.deepEqual(readAnswer(token), { kind: "token", token, expiresInMs: undefined });
  assert.deepEqual(readAnswer({ token: "t" }), {
    kind: "token",
    token: "t",
    expiresInMs: undefined,
  });
  assert.deepEqual(readAnswer({ token: "t", expiresInMs: 0.5 }), {
    kind: "token",
    token: "t",
    expiresInMs: 0.5,
  });
  assert.deepEqual(readAnswer({ token: "t", expiresInMs: null }), {
    kind: "token",
    token: "t",
    expiresInMs: undefined,
  });
});

test("null and NotAuthenticated say that there is no session", () => {
  const fromAnotherCopy = Object.assign(new Error("x"), { name: "NotAuthenticated" });

  assert.deepEqual(readAnswer(null), { kind: "none" });
  assert.deepEqual(readThrown(new NotAuthenticated()), { kind: "none" });
  assert.deepEqual(readThrown(fromAnotherCopy), { kind: "none" });
});

test("RetryLater says when to ask again", () => {
  const fromAnotherCopy = Object.assign(new Error("x"), { name: "RetryLater", afterMs: 5 });

  assert.deepEqual(readThrown(new RetryLater(70_000)), { kind: "later", afterMs: 70_000 });
  assert.deepEqual(readThrown(new RetryLater(0)), { kind: "later", afterMs: 0 });
  assert.deepEqual(readThrown(fromAnotherCopy), { kind: "later", afterMs: 5 });
  for (const afterMs of [NaN, Infinity, -1, "70", undefined]) {
    const result = readThrown(new RetryLater(afterMs as number));
    assert.equal(result.kind, "failed", String(afterMs));
    assert.match(JSON.stringify(result), /RetryLater with what is no number of milliseconds/);
  }
});

test("rubbish is a failure with a sentence that says what it was", () => {
  const rubbish: [unknown, RegExp][] = [
    [undefined, /answered undefined; it must/],
    [42, /answered a number; it must/],
    [true, /answered a boolean; it must/],
    ["", /answered an empty token/],
    [{}, /whose token is no string/],
    [[], /whose token is no string/],
    [{ token: 5 }, /whose token is no string/],
    [{ token: "" }, /empty token/],
    ["t".repeat(16 * 1024 + 1), /more than 16384 bytes/],
    ["é".repeat(8 * 1024 + 1), /more than 16384 bytes/],
    [" t", /a token with a space, a line break or what is not ASCII; it must/],
    ["t\n", /a line break/],
    ["t\0", /a line break/],
    [{ token: "töken" }, /not ASCII/],
    [{ token: "t", expiresInMs: NaN }, /expiresInMs that is no positive number/],
    [{ token: "t", expiresInMs: Infinity }, /expiresInMs/],
    [{ token: "t", expiresInMs: -1 }, /expiresInMs/],
    [{ token: "t", expiresInMs: 0 }, /expiresInMs/],
    [{ token: "t", expiresInMs: "300" }, /expiresInMs/],
  ];
  for (const [answer, message] of rubbish) {
    const result = readAnswer(answer);
    assert.equal(result.kind, "failed");
    assert.match(result.kind === "failed" ? result.message : "", message);
  }
});

test("a failure names the application's error, and repeats neither what it says nor an answer", () => {
  const secret = "s3cret";
  const unfinished = (): unknown => JSON.parse(`${secret}`);

  assert.deepEqual(readThrown(new RangeError("401")), {
    kind: "failed",
    message:
      "getToken failed with RangeError; what it says is not repeated here, for a token may be in it",
  });
  assert.throws(unfinished, /s3cret/, "the engine quotes what it could not read");
  for (const result of [
    readThrown(secret),
    readThrown(new Error(`no good: ${secret}`)),
    readThrown(thrownBy(unfinished)),
    readAnswer({ token: secret, expiresInMs: -1 }),
    readAnswer({ token: `${secret}\n` }),
    readAnswer({ secret }),
  ]) {
    assert.equal(result.kind, "failed");
    assert.equal(JSON.stringify(result).includes(secret), false);
  }
});

test("an error that is not as errors are is a failure all the same", () => {
  const nameless = Object.defineProperty(new Error("x"), "name", {
    get() {
      throw new Error("no name");
    },
  });
  for (const thrown of [
    nameless,
    Object.assign(new Error("x"), { name: undefined, message: 7 }),
    Object.assign(new Error("x"), { name: "x".repeat(5000) }),
    null,
    undefined,
    7,
  ]) {
    const result = readThrown(thrown);
    assert.equal(result.kind, "failed");
    assert.ok(JSON.stringify(result).length < 300);
  }
});

test("getToken is asked in a microtask with the reason and a signal, and its answer is told", async () => {
  const { tokens, asked, results } = setUp(() => Promise.resolve("t"));

  tokens.ask(7, "connect");
  assert.equal(asked.length, 0);
  await setImmediate();

  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.reason, "connect");
  assert.equal(asked[0]?.signal.aborted, false);
  assert.deepEqual(results, [[7, { kind: "token", token: "t", expiresInMs: undefined }]]);
});

test("a getToken that throws at once fails like one that rejects", async () => {
  const { tokens, results } = setUp(() => {
    throw new Error("down");
  });

  tokens.ask(1, "connect");
  await setImmediate();

  assert.deepEqual(results, [[1, readThrown(new Error("down"))]]);
});

test("what is aborted in the same tick is never asked", async () => {
  const { tokens, asked, results } = setUp(() => "t");

  for (let fetch = 0; fetch < 50; fetch += 1) {
    tokens.ask(fetch, "connect");
    if (fetch < 49) tokens.abort(fetch);
  }
  await setImmediate();

  assert.equal(asked.length, 1);
  assert.deepEqual(
    results.map(([fetch]) => fetch),
    [49],
  );
});

test("an aborted fetch has its signal fired, and its late answer is dropped", async () => {
  let answer = (_token: string): void => {};
  const { tokens, asked, results } = setUp(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  tokens.ask(1, "connect");
  await setImmediate();

  tokens.abortAll();
  assert.equal(asked[0]?.signal.aborted, true);
  answer("late");
  await setImmediate();

  assert.deepEqual(results, []);
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
}

function setUp(getToken: GetToken): {
  tokens: Tokens;
  asked: TokenRequest[];
  results: [number, TokenResult][];
  warnings: string[];
} {
  const asked: TokenRequest[] = [];
  const results: [number, TokenResult][] = [];
  const warnings: string[] = [];
  const recorded: GetToken = (request) => {
    asked.push(request);
    return getToken(request);
  };
  const warn = (text: string): void => {
    warnings.push(text);
  };
  const tokens = new Tokens(recorded, (fetch, result) => results.push([fetch, result]), warn);
  return { tokens, asked, results, warnings };
}

test("a life that is implausible is taken, and warned of once, with the likely reason", async () => {
  const lives = [3600, 300, 1_700_000_000_000];
  const { tokens, results, warnings } = setUp(() => ({ token: "t", expiresInMs: lives.shift() as number }));
  for (const fetch of [1, 2, 3]) {
    tokens.ask(fetch, "connect");
    await setImmediate();
  }

  assert.deepEqual(
    results.map(([, result]) => result.kind === "token" && result.expiresInMs),
    [3600, 300, 1_700_000_000_000],
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /and 3600 is implausible\. Is it seconds, as OAuth has them/);
  assert.match(doubtOf({ token: "t", expiresInMs: 1_700_000_000_000 }) ?? "", /Is it a point in time/);
  const tenYears = 10 * 365 * 24 * 3600 * 1000;
  assert.equal(doubtOf({ token: "t", expiresInMs: tenYears }), undefined);
  assert.match(doubtOf({ token: "t", expiresInMs: tenYears + 1 }) ?? "", /Is it a point in time/);
  for (const plausible of [5000, 300_000, 365 * 24 * 3600 * 1000, 0, -1, Number.NaN, "5", undefined]) {
    assert.equal(doubtOf({ token: "t", expiresInMs: plausible }), undefined, String(plausible));
  }
  for (const answer of ["t", null, undefined]) assert.equal(doubtOf(answer), undefined);
});

test("what is no number is no time, and what has no name says so", () => {
  const answer = (expiresInMs: unknown) => readAnswer({ token: "t", expiresInMs: expiresInMs as never });
  assert.equal(answer("5").kind, "failed");
  assert.equal(readThrown(new RetryLater("5" as never)).kind, "failed");
  assert.match(JSON.stringify(readThrown("text")), /threw what is no Error/);
  const nameless = Object.defineProperty(new Error("x"), "name", {
    get() {
      throw new Error("no name");
    },
  });
  assert.match(JSON.stringify(readThrown(nameless)), /failed with an Error;/);
});
