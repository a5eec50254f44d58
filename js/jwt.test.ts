import assert from "node:assert/strict";
import { test } from "node:test";

import { lifeOfJwt } from "./jwt.js";

const NOW = Date.UTC(2030, 0, 1);
const SECONDS = NOW / 1000;

function jwt(claims: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part(claims)}.signature`;
}

test("a token lives until its exp", () => {
  assert.equal(lifeOfJwt(jwt({ iat: SECONDS - 100, exp: SECONDS + 200 }), NOW), 200_000);
  assert.equal(lifeOfJwt(jwt({ exp: SECONDS + 200 }), NOW), 200_000);
});

test("with a clock that is wrong by years a token lives as long as it was made for", () => {
  for (const wrong of [-1e8, 1e8]) {
    assert.equal(lifeOfJwt(jwt({ iat: SECONDS, exp: SECONDS + 300 }), NOW + wrong * 1000), 300_000);
  }
});

test("what says nothing of its life has none", () => {
  const odd = [{}, { exp: "soon" }, { exp: null }, { exp: SECONDS - 1 }, { exp: 5, iat: 9 }, 7, null];
  for (const claims of odd) assert.equal(lifeOfJwt(jwt(claims), NOW), undefined);
  for (const token of ["", "opaque", "a.b.c", "..", "a.%.c"]) {
    assert.equal(lifeOfJwt(token, NOW), undefined);
  }
});

test("what is left counts up to the very life that it was made for, and nothing is no life", () => {
  assert.equal(lifeOfJwt(jwt({ iat: SECONDS, exp: SECONDS + 300 }), NOW), 300_000);
  assert.equal(lifeOfJwt(jwt({ iat: SECONDS - 300, exp: SECONDS }), NOW), 300_000);
  assert.equal(lifeOfJwt(jwt({ iat: SECONDS, exp: SECONDS }), NOW), undefined);
  assert.equal(lifeOfJwt(jwt({ exp: "2000000000" }), 0), undefined);
});

test("only what has three parts is a JWT, and its base64 is the one for URLs", () => {
  const [head, claims] = jwt({ exp: SECONDS + 200 }).split(".");
  assert.equal(lifeOfJwt(`${head}.${claims}`, NOW), undefined);
  assert.equal(lifeOfJwt(`${head}.${claims}.`, NOW), 200_000);

  // These bytes have both letters that the two base64s write in different ways.
  const odd = jwt({ exp: SECONDS + 200, sub: "ÿ?>~ÿÿ>>??" });
  assert.match(odd, /[-_]/);
  assert.equal(lifeOfJwt(odd, NOW), 200_000);
});
