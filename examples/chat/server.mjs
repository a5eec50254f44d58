/**
 * The back end of a chat, without packages of others: sessions by cookie, tokens for onesocket-server, and
 * the page. It takes no part in what is said.
 *
 * PORT, HOST            where to listen: 3000, 127.0.0.1
 * ONESOCKET_SECRET      what tokens are signed with, as onesocket-server has it
 * ONESOCKET_ADMIN       where onesocket-server listens for machines (--admin-listen): http://127.0.0.1:9090
 * ONESOCKET_PUBLISH_KEY the key of its --publish-key-file
 */

import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { env } from "node:process";

/** Who may be in which room. A real application asks its database, and for a password. */
const ROOMS = new Map([
  ["ada", ["board", "tea"]],
  ["bob", ["tea"]],
]);

/** How long a token lives, and a session. */
const TOKEN_SECONDS = 300;
const SESSION_SECONDS = 8 * 3600;

/** The files of the page, by their paths. */
const FILES = { "/": "index.html", "/main.js": "main.js", "/style.css": "style.css" };
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };

/** Whose session it is. In a real application this outlives the process. */
const sessions = new Map();

/** Signs a token that lets a user into these rooms. */
function sign(user, rooms) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + TOKEN_SECONDS;
  const claims = { sub: user, aud: "onesocket", iat, exp, jti: randomUUID(), groups: rooms };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", env.ONESOCKET_SECRET.trim()).update(text).digest("base64url")}`;
}

/** Ends all connections of a user. */
async function disconnect(user) {
  await fetch(new URL("/disconnect", env.ONESOCKET_ADMIN ?? "http://127.0.0.1:9090"), {
    method: "POST",
    headers: { authorization: `Bearer ${env.ONESOCKET_PUBLISH_KEY.trim()}`, "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
}

function sessionOf({ headers: { cookie = "" } }) {
  return /(?:^|; )session=([\w-]+)/.exec(cookie)?.[1];
}

function setSession(response, value, seconds) {
  const cookie = `session=${value}; Max-Age=${seconds}; Path=/; HttpOnly; Secure; SameSite=Strict`;
  response.setHeader("set-cookie", cookie);
}

async function bodyOf(request) {
  let body = "";
  for await (const part of request) {
    body += part;
    if (body.length > 1000) return {};
  }
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {};
  }
}

/** What the page asks for. Each answers with a status, and with JSON or nothing. */
const CALLS = {
  async "/login"(request, response) {
    const { user } = await bodyOf(request);
    if (!ROOMS.has(user)) return [401, { error: "Nobody has this name: try ada or bob." }];
    const session = randomBytes(16).toString("base64url");
    sessions.set(session, user);
    setSession(response, session, SESSION_SECONDS);
    return [200, { user, rooms: ["board", "tea"] }];
  },

  "/token"(request) {
    const user = sessions.get(sessionOf(request));
    if (user === undefined) return [401];
    return [200, { token: sign(user, ROOMS.get(user)), expiresInMs: TOKEN_SECONDS * 1000 }];
  },

  /** Here alone: the page closes its connection, and its session gets no more tokens. */
  "/logout"(request, response) {
    sessions.delete(sessionOf(request));
    setSession(response, "", 0);
    return [204];
  },

  /** On every device. */
  async "/logout-everywhere"(request, response) {
    const user = sessions.get(sessionOf(request));
    if (user === undefined) return [401];
    // First, so that no device gets a token to come back with.
    for (const [session, other] of sessions) if (other === user) sessions.delete(session);
    setSession(response, "", 0);
    await disconnect(user);
    return [204];
  },
};

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});

async function answer(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (request.method === "POST" && Object.hasOwn(CALLS, pathname)) {
    const [status, body] = await CALLS[pathname](request, response);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body && JSON.stringify(body));
    return;
  }
  const [, ofPackage] = /^\/onesocket\/((?:parts\/)?\w+\.js)$/.exec(pathname) ?? [];
  const file = ofPackage ? `node_modules/onesocket/${ofPackage}` : FILES[pathname];
  if (request.method !== "GET" || file === undefined) {
    response.writeHead(404).end();
    return;
  }
  const content = await readFile(new URL(file, import.meta.url));
  response.writeHead(200, { "content-type": TYPES[file.split(".").at(-1)] });
  response.end(content);
}

server.listen(Number(env.PORT ?? 3000), env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
