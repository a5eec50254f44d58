import process from "node:process";

import { expect, test } from "vitest";

import { connects } from "./connects.js";

test("it connects", async () => {
  const { URL_OF_SERVER: url, TOKEN: token } = process.env;
  expect(JSON.parse(await connects({ url, token }))).toEqual({ state: "connected", data: "hello" });
});
