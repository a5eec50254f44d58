/** What tabs have between them, over Node's channels: the lock, the channel, the life of the page, the ports. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import type { StandInLocks } from "./test_support/stand_in_locks.js";
import { give as giveToPage, giveLocks, rest } from "./test_support/tabs.js";

type Told = [kind: number, number: number, value?: unknown];
type Heard = [from: number, kind: number, numbers: number[], text: string, frame: unknown];

interface Tab {
  tell(...told: Told): void;
  hear(...heard: Heard): void;
}

interface Port {
  readonly readyState: number;
  onopen: ((event: { type: string }) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(frame: unknown): void;
  close(): void;
  opened(): void;
  received(data: unknown): void;
  ended(): void;
}

interface Room {
  request(number: number, steal: boolean): void;
  release(number: number): void;
  query(number: number): void;
  listen(on: boolean): void;
  watch(tab: number, port: number): void;
  unwatch(): void;
  probe(): void;
  post(kind: number, numbers: number[], text: string, frame?: unknown): void;
  leave(): void;
  ports(): new () => Port;
}

interface Module {
  readonly Room: new (name: string, own: number, tab: Tab) => Room;
  whyAlone(): string | undefined;
  drawTab(): number;
  isShown(): boolean;
  addressed(slot: number, frame: unknown): unknown;
  headOf(frame: unknown): object;
  numbered(frame: unknown, id: number): unknown;
  bodyOf(frame: unknown): unknown;
  carried(data: unknown): unknown;
  unpacked(message: { data: unknown }): unknown;
  ack(id: number): string;
  attach(slot: number, client: string): string;
  detach(slot: number, id: number): string;
  roomName(url: string, isPlain: boolean, key: string): string;
  welcome(user: string, id: string, most: number, epoch?: string): string;
}

// It has no types: only the glue calls it.
const module = (await import(new URL("./wasm/tab.js", import.meta.url).href)) as unknown as Module;

const AWAY = 0;
const BACK = 1;
const SHOWN = 2;
const GRANTED = 3;
const LOST = 4;
const HELD = 5;
const OPEN = 6;
const SEND = 7;
const SHUT = 8;
const GONE = 9;
const HEARS = 10;

const page = globalThis as unknown as Record<string, unknown>;

/** What takes away again what a test has given the page. */
let takeBack: (() => void)[] = [];

function give(key: string, value: unknown): void {
  takeBack.push(giveToPage(key, value));
}

const rooms: Room[] = [];
let name = "";
let count = 0;

beforeEach(() => {
  takeBack = [giveLocks()];
  name = `room ${(count += 1)}`;
});

afterEach(() => {
  for (const room of rooms.splice(0)) room.leave();
  for (const take of takeBack.reverse()) take();
});

/** A tab's room, with what it tells and hears. */
function open(own: number): { room: Room; told: Told[]; heard: Heard[] } {
  const [told, heard]: [Told[], Heard[]] = [[], []];
  const room = new module.Room(name, own, {
    tell: (...what) => void told.push(what.slice(0, what[2] === undefined ? 2 : 3) as Told),
    hear: (...what) => void heard.push(what),
  });
  rooms.push(room);
  return { room, told, heard };
}

test("why tabs cannot share is said in the order in which it matters", () => {
  assert.equal(module.whyAlone(), undefined);
  give("BroadcastChannel", undefined);
  assert.equal(module.whyAlone(), "no-channel");
  give("navigator", {});
  assert.equal(module.whyAlone(), "no-locks");
  give("navigator", undefined);
  assert.equal(module.whyAlone(), "no-locks");
  give("origin", "null");
  assert.equal(module.whyAlone(), "opaque-origin");
  give("isSecureContext", false);
  assert.equal(module.whyAlone(), "insecure-context");
});

test("the number of a tab is whole and another one each time; without a page nobody is hidden", () => {
  const numbers = Array.from({ length: 50 }, module.drawTab);
  assert.ok(numbers.every((number) => Number.isSafeInteger(number) && number >= 0));
  assert.ok(numbers.some((number) => number > 2 ** 40));
  assert.equal(new Set(numbers).size, 50);

  assert.equal(module.isShown(), true);
  give("document", { visibilityState: "hidden" });
  assert.equal(module.isShown(), false);
  give("document", { visibilityState: "visible" });
  assert.equal(module.isShown(), true);
});

test("the lock is one tab's at a time; who takes a request back hears nothing of it", async () => {
  const [first, second, third] = [open(1), open(2), open(3)];
  const before = Date.now();
  first.room.request(7, false);
  second.room.request(1, false);
  third.room.request(1, false);
  await rest();

  const [kind, number, at] = first.told[0] ?? [];
  assert.deepEqual([kind, number], [GRANTED, 7]);
  assert.ok((at as number) >= before && (at as number) <= Date.now());
  assert.deepEqual([second.told, third.told], [[], []]);

  second.room.release(1);
  first.room.release(7);
  first.room.release(7);
  await rest();
  assert.equal(first.told.length, 1);
  assert.deepEqual(second.told, []);
  assert.deepEqual(third.told[0]?.slice(0, 2), [GRANTED, 1]);
});

test("whoever has the lock taken away hears so, and is asked whether it has it", async () => {
  const [first, second] = [open(1), open(2)];
  first.room.request(1, false);
  await rest();
  first.room.query(1);
  await rest();
  assert.deepEqual(first.told[1], [HELD, 1]);

  second.room.request(1, true);
  first.room.query(1);
  await rest();
  assert.deepEqual(first.told.slice(2), [
    [LOST, 1],
    [HELD, 0],
  ]);
  assert.deepEqual(second.told[0]?.slice(0, 2), [GRANTED, 1]);
});

test("what a tab posts is heard by those who listen, and not by itself", async () => {
  const [first, second, third] = [open(1), open(2), open(3)];
  first.room.post(1, [1], "nobody listens");
  for (const { room } of [first, second]) room.listen(true);
  const [bytes, numbers] = [new Uint8Array([1, 2]), [5, 6]];

  first.room.post(1, numbers, "a text", "a frame");
  first.room.post(2, [], "", bytes);
  first.room.post(3, [], "");
  // Before it is posted an application may change them.
  numbers[0] = 9;
  bytes.fill(9);
  await rest();
  first.room.post(4, [], "later");
  await rest();

  assert.deepEqual(second.heard, [
    [1, 1, [5, 6], "a text", "a frame"],
    [1, 2, [], "", new Uint8Array([1, 2])],
    [1, 3, [], "", undefined],
    [1, 4, [], "later", undefined],
  ]);
  assert.deepEqual([first.heard, third.heard], [[], []]);

  second.room.listen(false);
  first.room.post(5, [], "");
  await rest();
  assert.equal(second.heard.length, 4);
});

test("the first post leaves at once, and what follows in the same task leaves together", async () => {
  const posted: unknown[][] = [];
  const ear = new BroadcastChannel(name);
  ear.onmessage = (event) => posted.push((event as MessageEvent<{ posts: unknown[] }>).data.posts);
  const { room } = open(1);
  room.listen(true);

  for (let number = 0; number < 5; number += 1) room.post(number, [], "");
  await rest();
  room.post(5, [], "");
  await rest();
  ear.close();

  const kinds = posted.map((posts) => posts.map((post) => (post as [number])[0]));
  assert.deepEqual(kinds, [[0], [1, 2, 3, 4], [5]]);
});

test("what waits to be posted is posted before the lock is given back, and before the channel is closed", async () => {
  for (const end of ["release", "listen"] as const) {
    const [first, second] = [open(1), open(2)];
    for (const { room } of [first, second]) room.listen(true);
    first.room.post(1, [], "");
    first.room.post(2, [], "");
    if (end === "release") first.room.release(1);
    else first.room.listen(false);

    // Without a task between, by which what waits would be posted.
    first.room.leave();
    await rest();
    assert.deepEqual(
      second.heard.map(([, kind]) => kind),
      [1, 2],
    );
  }
});

test("what is no post of a tab is not heard", async () => {
  const { room, heard, told } = open(1);
  room.listen(true);
  const stranger = new BroadcastChannel(name);
  const good = [1, [2], "text", "frame"];
  for (const data of [
    null,
    "text",
    5,
    {},
    { from: 2 },
    { from: "2", posts: [good] },
    { from: 2, posts: "posts" },
    { from: 2, posts: { length: 1, 0: good } },
    {
      from: 2,
      posts: [
        null,
        5,
        [],
        ["1", [2], "text", "frame"],
        [1, 2, "text", "frame"],
        [1, ["2"], "text", "frame"],
        [1, [2, null], "text", "frame"],
        [1, [2], 5, "frame"],
        [1, [2], "text", 5],
        [1, [2], "text", null],
        [1, [2], "text", {}],
      ],
    },
    { from: 2, posts: [good, [3, [], "", new Uint8Array([4]).buffer], [5, [], "", new Uint8Array([6])], [7, [], ""]] },
  ]) {
    stranger.postMessage(data);
  }
  await rest();
  stranger.close();

  assert.deepEqual(heard, [
    [2, 1, [2], "text", "frame"],
    [2, 3, [], "", new Uint8Array([4]).buffer],
    [2, 5, [], "", new Uint8Array([6])],
    [2, 7, [], "", undefined],
  ]);
  assert.deepEqual(told, []);
});

test("of what was posted together nothing more is heard once a tab has stopped listening", async () => {
  const heard: number[] = [];
  const room = new module.Room(name, 1, {
    tell: () => {},
    hear: (_, kind) => {
      heard.push(kind);
      room.listen(false);
      room.listen(true);
    },
  });
  rooms.push(room);
  room.listen(true);
  const stranger = new BroadcastChannel(name);
  stranger.postMessage({ from: 2, posts: [[1, [], ""], [2, [], ""]] });
  await rest();
  stranger.close();

  assert.deepEqual(heard, [1]);
});

test("a tab hears its own probe, and no other does", async () => {
  const [first, second] = [open(1), open(2)];
  for (const { room } of [first, second]) room.listen(true);
  first.room.probe();
  await rest();

  assert.deepEqual(first.told, [[HEARS, 0]]);
  assert.deepEqual([second.told, first.heard, second.heard], [[], [], []]);
});

test("that a tab listens no more is told once, with its newest port", async () => {
  const [leader, other, third] = [open(1), open(2), open(3)];
  for (const { room } of [other, third]) room.listen(true);
  await rest();
  leader.room.watch(2, 1);
  leader.room.watch(2, 4);
  leader.room.watch(3, 1);
  await rest();
  assert.deepEqual(leader.told, []);

  other.room.listen(false);
  await rest();
  assert.deepEqual(leader.told, [[GONE, 4, 2]]);
  leader.room.unwatch();
  third.room.listen(false);
  other.room.listen(true);
  other.room.listen(false);
  await rest();
  assert.equal(leader.told.length, 1);
});

test("the life of the page is told until the tab leaves", () => {
  const [document, window] = [new EventTarget(), new EventTarget()];
  give("document", document);
  give("window", window);
  const { room, told } = open(1);

  const tell = (target: EventTarget, ...types: string[]): void => {
    for (const type of types) target.dispatchEvent(new Event(type));
  };
  tell(document, "freeze", "resume");
  tell(window, "pagehide", "pageshow");
  Object.assign(document, { visibilityState: "hidden" });
  tell(document, "visibilitychange");
  Object.assign(document, { visibilityState: "visible" });
  tell(document, "visibilitychange", "focus");
  const all = [
    [AWAY, 0],
    [BACK, 0],
    [AWAY, 0],
    [BACK, 0],
    [SHOWN, 0],
    [SHOWN, 1],
  ];
  assert.deepEqual(told, all);

  room.leave();
  tell(document, "freeze");
  tell(window, "pagehide");
  assert.deepEqual(told, all);
});

test("whoever leaves gives back its lock, ends its ports, and tells nothing more", async () => {
  const [first, second] = [open(1), open(2)];
  first.room.listen(true);
  first.room.request(1, false);
  second.room.request(1, false);
  second.room.watch(1, 8);
  const Port = first.room.ports();
  const [ended, early, waiting] = [new Port(), new Port(), new Port()];
  await rest();
  let closes = 0;
  for (const port of [ended, early, waiting]) port.onclose = () => (closes += 1);
  ended.ended();
  assert.equal(closes, 1);
  const before = first.told.length;

  first.room.leave();
  await rest();
  assert.equal(closes, 3);
  assert.equal(first.told.length, before);
  assert.deepEqual(second.told.map((what) => what.slice(0, 2)).sort(), [
    [GRANTED, 1],
    [GONE, 8],
  ]);
  const { held } = await (page["navigator"] as { locks: StandInLocks }).locks.query();
  assert.deepEqual(held, [{ name }]);
});

test("a port looks like a socket, and tells of what is done to it by its number", async () => {
  const { room, told } = open(1);
  const Port = room.ports();
  const events: unknown[] = [];
  const make = (): Port => {
    const port = new Port();
    port.onopen = ({ type }) => events.push(type);
    port.onmessage = ({ data }) => events.push(data);
    port.onclose = ({ code, reason }) => events.push([code, reason]);
    return port;
  };
  const [first, second] = [make(), make()];
  assert.deepEqual(
    ["binaryType", "bufferedAmount", "protocol", "readyState", "onerror"].map((key) => first[key as keyof Port]),
    ["arraybuffer", 0, "onesocket.v1", 0, null],
  );
  assert.deepEqual(told, []);
  await rest();
  assert.deepEqual(told.splice(0), [
    [OPEN, 1, first],
    [OPEN, 2, second],
  ]);

  first.opened();
  assert.equal(first.readyState, 1);
  first.received("data");
  first.send("frame");
  first.close();
  assert.equal(first.readyState, 2);
  first.close();
  assert.deepEqual(told.splice(0), [
    [SEND, 1, "frame"],
    [SHUT, 1],
  ]);
  first.ended();
  assert.equal(first.readyState, 3);
  first.close();
  assert.deepEqual(told, []);
  assert.deepEqual(events.splice(0), ["open", "data", [1001, ""]]);

  // Closed before anybody could have opened it.
  const third = make();
  third.close();
  await rest();
  assert.deepEqual(told, [[SHUT, 3]]);
  assert.deepEqual(events, [[1001, ""]]);
});

test("the frames of tabs are written into what they pass on", () => {
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
  const both = (work: (frame: unknown) => unknown, frame: string, expected: string): void => {
    assert.equal(work(frame), expected);
    assert.deepEqual(work(bytes(frame)), bytes(expected));
    assert.deepEqual(work(bytes(frame).buffer), bytes(expected));
  };
  both((frame) => module.addressed(3, frame), '{"type":"message","id":1}\nx', '{"as":3,"type":"message","id":1}\nx');
  both((frame) => module.numbered(frame, 9), '{"type":"message","id":1}\nx\ny', '{"type":"message","id":9}\nx\ny');
  both(module.bodyOf, '{"type":"message","id":1}\nx\ny', "x\ny");
  assert.equal(module.bodyOf('{"type":"ping"}'), undefined);

  assert.equal(module.carried("x\ny"), '{"type":"message","format":"text"}\nx\ny');
  assert.deepEqual(module.carried(bytes("x").buffer), bytes('{"type":"message"}\nx'));
  assert.equal(module.unpacked({ data: "x" }), "x");
  const whole = bytes("head x");
  const buffer = module.unpacked({ data: whole.subarray(5) });
  assert.deepEqual(buffer, bytes("x").buffer);

  assert.equal(module.ack(4), '{"type":"ack","id":4}');
  assert.equal(module.attach(2, "name"), '{"type":"attach","id":1,"client":"name","as":2}');
  assert.equal(module.detach(2, 8), '{"type":"detach","id":8,"as":2}');
  assert.deepEqual(JSON.parse(module.welcome("ada", "c", 5, "e")), {
    type: "welcome",
    connectionId: "c",
    user: "ada",
    pingIntervalMs: Number.MAX_SAFE_INTEGER,
    maxMessageBytes: 5,
    epoch: "e",
  });
});

test("of a request the head says its type, its number and its group; what is no frame says nothing", () => {
  assert.deepEqual(module.headOf('{"type":"join","id":3,"group":"tea"}'), { type: "join", id: 3, group: "tea" });
  assert.deepEqual(module.headOf('{"type":5,"id":"3"}'), { type: "5", id: undefined, group: "undefined" });
  for (const frame of ["", "{", "null", undefined]) {
    assert.deepEqual(module.headOf(frame), { type: "", group: "" }, String(frame));
  }
});

test("the name of a room has the URL, the wire and the key in it, and none of them can be read", () => {
  const names = [
    module.roomName("wss://a/", false, "ada"),
    module.roomName("wss://b/", false, "ada"),
    module.roomName("wss://a/", true, "ada"),
    module.roomName("wss://a/", false, "bob"),
  ];
  assert.equal(new Set(names).size, 4);
  assert.equal(names[0], module.roomName("wss://a/", false, "ada"));
  for (const room of names) assert.match(room, /^onesocket\.1\.\d{8,16}$/);
  // The same in every tab of every browser: it must not change without its version.
  assert.equal(names[0], "onesocket.1.2431583532143299");
});
