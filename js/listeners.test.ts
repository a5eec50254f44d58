import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Listeners } from "./listeners.js";

interface Events {
  a: number;
  b: string;
}

const page = globalThis as { reportError?: (error: unknown) => void };
const { reportError } = page;

afterEach(() => {
  if (reportError === undefined) delete page.reportError;
  else page.reportError = reportError;
});

test("all who listen to an event are told, in the order in which they came", () => {
  const listeners = new Listeners<Events>();
  const told: string[] = [];
  listeners.add("a", (value) => told.push(`first ${value}`));
  listeners.add("a", (value) => told.push(`second ${value}`));
  listeners.add("b", () => told.push("another event"));

  listeners.tell("a", 1);

  assert.deepEqual(told, ["first 1", "second 1"]);
});

test("a function that was added twice is told twice, and removed once at a time", () => {
  const listeners = new Listeners<Events>();
  let told = 0;
  const listener = (): void => {
    told += 1;
  };
  const remove = listeners.add("a", listener);
  listeners.add("a", listener);

  remove();
  remove();
  listeners.tell("a", 1);

  assert.equal(told, 1);
});

test("who is removed while an event is told does not hear it, who is added does not yet", () => {
  const listeners = new Listeners<Events>();
  const told: string[] = [];
  let removeSecond = (): void => {};
  listeners.add("a", () => {
    told.push("first");
    removeSecond();
    listeners.add("a", () => told.push("added"));
  });
  removeSecond = listeners.add("a", () => told.push("second"));
  listeners.add("a", () => told.push("third"));

  listeners.tell("a", 1);

  assert.deepEqual(told, ["first", "third"]);
});

test("what a listener causes is told after what it is hearing, to all in the same order", () => {
  const listeners = new Listeners<Events>();
  const told: string[] = [];
  listeners.add("a", (value) => {
    if (value === 1) listeners.tell("a", 2);
  });
  listeners.add("a", (value) => told.push(`a ${value}`));
  listeners.add("b", (value) => told.push(`b ${value}`));

  listeners.together(() => {
    listeners.tell("a", 1);
    listeners.tell("b", "x");
    assert.deepEqual(told, []);
  });

  assert.deepEqual(told, ["a 1", "b x", "a 2"]);
});

test("a listener that throws or rejects is reported and harms nobody else", async () => {
  const reported: unknown[] = [];
  page.reportError = (error) => reported.push(error);
  const listeners = new Listeners<Events>();
  const thrown = new Error("thrown");
  const rejected = new Error("rejected");
  let told = 0;
  listeners.add("a", () => {
    throw thrown;
  });
  listeners.add("a", () => Promise.reject(rejected));
  listeners.add("a", () => {
    told += 1;
  });

  listeners.tell("a", 1);
  listeners.tell("a", 2);
  await Promise.resolve();

  assert.equal(told, 2);
  assert.deepEqual(reported, [thrown, thrown, rejected, rejected]);
});

test("after clear() nobody is told, not even of what is being told", () => {
  const listeners = new Listeners<Events>();
  let told = 0;
  listeners.add("a", () => listeners.clear());
  listeners.add("a", () => {
    told += 1;
  });

  listeners.tell("a", 1);
  listeners.tell("a", 2);

  assert.equal(told, 0);
});

test("what calls the application otherwise takes its turn among the events", () => {
  const listeners = new Listeners<Events>();
  const told: string[] = [];
  listeners.add("a", (value) => {
    if (value === 1) listeners.inTurn(() => told.push("in turn"));
    told.push(`a${value}`);
  });
  listeners.add("a", (value) => told.push(`then a${value}`));

  listeners.tell("a", 1);
  listeners.together(() => {
    listeners.inTurn(() => told.push("afterwards"));
    told.push("at once");
  });

  assert.deepEqual(told, ["a1", "then a1", "in turn", "at once", "afterwards"]);
});

test("work that throws in its turn is reported, and what comes after it is told all the same", () => {
  const listeners = new Listeners<Events>();
  const [told, reported]: [number[], unknown[]] = [[], []];
  page.reportError = (error) => reported.push(error);
  const broken = new Error("broken");
  listeners.add("a", (value) => told.push(value));

  listeners.together(() => {
    listeners.inTurn(() => {
      throw broken;
    });
    listeners.tell("a", 1);
  });
  listeners.tell("a", 2);

  assert.deepEqual(told, [1, 2]);
  assert.deepEqual(reported, [broken]);
});

test("a page whose own reportError throws hears of both errors, and later events are told", (t) => {
  const listeners = new Listeners<Events>();
  const [told, uncaught]: [number[], unknown[]] = [[], []];
  t.mock.method(globalThis, "queueMicrotask", (task: () => void) => {
    try {
      task();
    } catch (error) {
      uncaught.push(error);
    }
  });
  const [broken, unreported] = [new Error("broken"), new Error("unreported")];
  page.reportError = () => {
    throw unreported;
  };
  listeners.add("a", (value) => {
    told.push(value);
    if (value === 1) throw broken;
  });

  listeners.tell("a", 1);
  listeners.tell("a", 2);

  assert.deepEqual(told, [1, 2]);
  assert.deepEqual(uncaught, [broken, unreported]);
});
