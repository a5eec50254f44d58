import { type Client, createClient } from "onesocket";

import { ApiError, requestToken, type Token } from "./api.ts";
import { SocketCounter } from "./counter.ts";
import { Store } from "./store.ts";
import { recordTimeline, type TimelineEntry } from "./timeline.ts";

const NAME_KEY = "onesocket.user";

/** The server forgets a socket a moment after the page has heard of its end; and a burst is counted once. */
const COUNT_DELAY_MS = 100;

/** How long a token may take that is only needed to ask for the counts. */
const TOKEN_TIMEOUT_MS = 5000;

/** Somebody who has signed in, and all that lives as long as that. */
export interface Session {
  readonly user: string;
  readonly client: Client;
  readonly counter: SocketCounter;
  readonly timeline: Store<readonly TimelineEntry[]>;
  /** Why the last token could not be had; `null` after a success. */
  readonly tokenProblem: Store<string | null>;
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

  const counter = new SocketCounter(async () => {
    if (latest === null || Date.now() < latest.expiresAtMs) return latest?.token ?? null;
    return (await fetchToken(AbortSignal.timeout(TOKEN_TIMEOUT_MS))).token;
  });

  const client = createClient({
    url: "/ws",
    async getToken({ reason, signal }) {
      try {
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

  let countSoon: ReturnType<typeof setTimeout> | undefined;
  client.on("state", () => {
    clearTimeout(countSoon);
    countSoon = setTimeout(() => void counter.refresh(), COUNT_DELAY_MS);
  });

  return { user, client, counter, timeline: recordTimeline(client), tokenProblem };
}

/** Who signed in before the page was loaded again; per tab, so that two tabs can be two people. */
export function rememberedName(): string | null {
  return sessionStorage.getItem(NAME_KEY);
}

/** Remembers the name for the next load of this tab, or forgets it. */
export function rememberName(user: string | null): void {
  if (user === null) sessionStorage.removeItem(NAME_KEY);
  else sessionStorage.setItem(NAME_KEY, user);
}
