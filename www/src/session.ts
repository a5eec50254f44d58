import { type Client, createClient } from "onesocket";

import { ApiError, requestToken, type Token } from "./api.ts";
import { SocketCounter } from "./counter.ts";
import { Line } from "./line.ts";
import { NaiveConnection } from "./naive.ts";
import { Store } from "./store.ts";
import { recordTimeline, type TimelineEntry } from "./timeline.ts";

const NAME_KEY = "onesocket.user";

/** How long a token may take that is only needed to ask for the counts. */
const TOKEN_TIMEOUT_MS = 5000;

/** Somebody who has signed in, and all that lives as long as that. */
export interface Session {
  readonly user: string;
  readonly client: Client;
  readonly counter: SocketCounter;
  /** The way to the server, for both of them. */
  readonly line: Line;
  /** What it is compared with. */
  readonly naive: NaiveConnection;
  readonly timeline: Store<readonly TimelineEntry[]>;
  /** Why the last token could not be had; `null` after a success. */
  readonly tokenProblem: Store<string | null>;
  /** Cuts the connection, and has the next attempt come with a token that the server refuses. */
  readonly refuseNextToken: () => void;
  /** Signs out. */
  readonly end: () => void;
}

/** Signs in. Opens no socket: the first component that uses the connection does. */
export function openSession(user: string): Session {
  const tokenProblem = new Store<string | null>(null);
  let latest: { readonly token: string; readonly expiresAtMs: number } | null = null;

  const fetchToken = async (signal: AbortSignal): Promise<Token> => {
    const answer = await requestToken(user, signal);
    latest = { token: answer.token, expiresAtMs: Date.now() + answer.expiresInMs };
    return answer;
  };

  const line = new Line();
  const naive = new NaiveConnection(user, line);
  let isNextRefused = false;

  const counter = new SocketCounter(async () => {
    if (latest !== null && Date.now() < latest.expiresAtMs) return latest.token;
    // The tab that leads is about to fetch one for its socket; the others are never asked for any.
    if (latest === null && client.status.role !== "follower") return null;
    return (await fetchToken(AbortSignal.timeout(TOKEN_TIMEOUT_MS))).token;
  });

  const client = createClient({
    url: "/ws",
    share: user,
    WebSocket: line.WebSocket,
    async getToken({ reason, signal }) {
      try {
        if (isNextRefused) {
          isNextRefused = false;
          return "what-the-server-refuses";
        }
        const answer = await fetchToken(signal);
        // Before the socket that this token is for: so the first one is counted too, and a server that has
        // started again is found out while its count is still lower.
        if (reason === "connect") await counter.refresh();
        tokenProblem.set(null);
        return answer;
      } catch (error) {
        // A fetch that was cut off by `close()` is nothing that a person has to know.
        if (client.state !== "closed") tokenProblem.set((error as Error).message);
        // Nobody may sign in with this name: trying again would not help.
        if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return null;
        throw error;
      }
    },
  });

  client.on("state", () => counter.refreshSoon());

  return {
    user,
    client,
    counter,
    line,
    naive,
    timeline: recordTimeline(client),
    tokenProblem,
    refuseNextToken: () => {
      isNextRefused = true;
      line.cut();
    },
    end: () => {
      client.free();
      naive.end();
      line.mend();
    },
  };
}

/** What stands before the name of a user in the address of a page that is opened for that user. */
const AS = "#as=";

/** Returns the address of a page in which a user is signed in. */
export function pageOf(user: string): string {
  return new URL(AS + encodeURIComponent(user), location.href).href;
}

/** Who signed in before the page was loaded again; per tab, so that two tabs can be two people. */
export function rememberedName(): string | null {
  if (location.hash.startsWith(AS)) {
    rememberName(decodeURIComponent(location.hash.slice(AS.length)));
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(NAME_KEY);
}

/** Remembers the name for the next load of this tab, or forgets it. */
export function rememberName(user: string | null): void {
  if (user === null) sessionStorage.removeItem(NAME_KEY);
  else sessionStorage.setItem(NAME_KEY, user);
}
