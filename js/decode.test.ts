import assert from "node:assert/strict";
import { test } from "node:test";

import { OneSocketError, type Schema } from "./client.js";
import { decoded } from "./decode.js";
import { freedAfter } from "./test_support/clients.js";
import { createTestClient } from "./testing.js";

/** A number below ten, as a schema of any library says it. */
const DIGIT: Schema<number> = {
  "~standard": {
    validate: (value) => {
      const { digit } = (value ?? {}) as { digit?: unknown };
      const isGood = typeof digit === "number" && digit < 10;
      return isGood ? { value: digit } : { issues: [{ path: ["list", { key: 0 }, "digit"] }] };
    },
  },
};

async function heardWith(decode: Parameters<typeof createTestClient>[0]) {
  const logged: string[] = [];
  const write = (text: string): number => logged.push(text);
  const logger = { debug: () => {}, info: () => {}, warn: write, error: write };
  const client = freedAfter(createTestClient({ ...decode, logger }));
  await client.connect();
  const heard: unknown[] = [];
  const errors: OneSocketError[] = [];
  client.on("message", ({ data }) => heard.push(data));
  client.on("error", (error) => errors.push(error));
  client.on("state", ({ current }) => heard.push(current));
  return { client, heard, errors, logged };
}

test("listeners get what a function makes of a message; what it refuses is an error, and logged", async () => {
  const decode = (data: unknown): string => {
    if (typeof data !== "string") throw new RangeError("secret");
    return data.toUpperCase();
  };
  const { client, heard, errors, logged } = await heardWith({ decode });

  for (const data of ["tea", 7, "milk"]) client.receive(data);

  assert.deepEqual(heard, ["TEA", "MILK"]);
  const [error] = errors;
  assert.deepEqual([errors.length, error?.code], [1, "invalid-message"]);
  assert.equal(error?.message, "decode refuses a message (RangeError). It is dropped.");
  assert.ok(error?.cause instanceof RangeError);
  assert.deepEqual(logged, [`🔌 ${error?.message}`]);
  assert.equal(client.state, "connected");
});

test("a schema says where a message is wrong; one that is asynchronous refuses everything", async () => {
  const { client, heard, errors } = await heardWith({ decode: DIGIT });
  for (const data of [{ digit: 3 }, { digit: 12 }, null]) client.receive(data);
  assert.deepEqual(heard, [3]);
  assert.deepEqual(
    errors.map(({ message }) => message),
    Array(2).fill("decode refuses a message at list.0.digit. It is dropped."),
  );

  const validate = async (): Promise<never> => await Promise.reject(new Error("late"));
  const late = await heardWith({ decode: { "~standard": { validate } } });
  late.client.receive(1);
  assert.deepEqual(late.heard, []);
  assert.match(late.errors[0]?.message ?? "", /TypeError/);
});

test("what is decoded keeps its place among the other events", async () => {
  const { client, heard } = await heardWith({ decode: Number });
  client.on("message", ({ data }) => {
    // Both are told while the first message is.
    if (data !== 1) return;
    client.receive("2");
    client.server.drop();
  });

  client.receive("1");

  assert.deepEqual(heard, [1, 2, "waiting"]);
});

test("what a message is refused for is named where it has a name or a path, and is the cause", () => {
  const throwing = (thrown: unknown) => (): never => {
    throw thrown;
  };
  const answering = (result: unknown): Schema<unknown> => ({ "~standard": { validate: () => result as never } });
  for (const [decode, where] of [
    [throwing(new RangeError("secret")), " (RangeError)"],
    [throwing("text"), ""],
    [throwing(undefined), ""],
    [answering({ issues: [] }), ""],
    [answering({ issues: [{}] }), ""],
    [answering({ issues: [{ path: [] }] }), " at its root"],
    [answering({ issues: [{ path: ["a", 0, { key: "b" }] }, { path: ["c"] }] }), " at a.0.b"],
    [answering(Promise.resolve({ value: 1 })), " (TypeError)"],
  ] as const) {
    const error = refused(decode);
    assert.deepEqual(
      [error.code, error.message],
      ["invalid-message", `decode refuses a message${where}. It is dropped.`],
    );
  }
  assert.equal((refused(answering(Promise.resolve())).cause as Error).message, "the schema is asynchronous");
  const own = new OneSocketError("invalid-message", "said already");
  assert.equal(refused(throwing(own)), own);
});

function refused(decode: Parameters<typeof decoded>[0]): OneSocketError {
  try {
    decoded(decode, 1);
  } catch (thrown) {
    return thrown as OneSocketError;
  }
  throw new Error("it was not refused");
}
