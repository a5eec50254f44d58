import type { Client, OneSocketError } from "./client.js";

/** How a component stands in a group. */
export interface GroupStanding {
  /**
   * `joining` until the server has let it in, and while there is no connection; `joined`; `refused`, and
   * `error` says why. What was refused is asked again with the next connection.
   */
  readonly state: "joining" | "joined" | "refused";
  /** Why it is `refused`; else `null`. */
  readonly error: OneSocketError | null;
}

/** The same, and of which group it is told. */
export interface NamedStanding extends GroupStanding {
  readonly name: string;
}

/** What ends a `join()` that the next connection may make good. */
const ENDS = ["closed", "aborted", "replaced", "unauthorized", "attempts-exhausted", "token-failed"];

/** Returns how a component stands before anything is known. */
export function standingIn(name: string): NamedStanding {
  return { name, state: "joining", error: null };
}

/** Joins a group, now and with every connection, and tells how it stands; returns what leaves it. */
export function stayIn(
  client: Client,
  name: string,
  tell: (standing: NamedStanding) => void,
): () => void {
  let stays = true;
  // Whether there is a join() to be taken back: one that was rejected is none.
  let counts = false;
  let waits = false;
  const join = (): void => {
    counts = true;
    waits = true;
    client.join(name).then(
      () => {
        waits = false;
        if (stays) tell({ name, state: "joined", error: null });
      },
      (error: OneSocketError) => {
        counts = false;
        waits = false;
        if (stays) tell(ENDS.includes(error.code) ? standingIn(name) : { name, state: "refused", error });
      },
    );
  };
  join();
  const removers = [
    client.on("state", ({ current }) => {
      if (current === "connected" && !counts) join();
    }),
    client.on("error", ({ code }) => {
      // What has joined was left with the user before; what waits is asked for this one.
      if (code !== "another-user" || waits) return;
      tell(standingIn(name));
      join();
    }),
  ];
  return () => {
    stays = false;
    for (const remove of removers) remove();
    // It may have ended meanwhile, and the membership with it.
    if (counts) client.leave(name).catch(() => {});
  };
}
