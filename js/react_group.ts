import type { Client, OneSocketError } from "./client.js";

/** How a component stands in a group. */
export interface GroupStanding {
  /**
   * `joining` until the server has let it in, and while there is no connection; `joined`; `refused`, and
   * `error` says why. What was refused is asked again with the next connection, and with the next token of
   * this one.
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
const ENDS = ["closed", "replaced", "unauthorized", "attempts-exhausted"];

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
  // How many calls of join() are to be taken back: those that were rejected are none.
  let joins = 0;
  // Whether the server has yet to answer.
  let waits = false;
  const leave = (): void => {
    joins -= 1;
    // It may have ended meanwhile, and the membership with it.
    client.leave(name).catch(() => {});
  };
  const join = (): void => {
    joins += 1;
    waits = true;
    client.join(name).then(
      () => {
        waits = false;
        // The second one was only to hear the answer.
        if (joins > 1) leave();
        if (stays) tell({ name, state: "joined", error: null });
      },
      (error: OneSocketError) => {
        waits = false;
        joins = 0;
        if (stays) tell(ENDS.includes(error.code) ? standingIn(name) : { name, state: "refused", error });
      },
    );
  };
  join();
  const removers = [
    client.on("state", ({ current }) => {
      // A client joins again by itself; who asks too hears what the server answers.
      if (current === "connected" && !waits) join();
    }),
    client.on("token", ({ event }) => {
      // A new token may allow what the one before did not.
      if (event === "refreshed" && !waits && joins === 0) join();
    }),
    client.on("error", ({ code }) => {
      // Perhaps that the server has ended this membership: then it says so again, and else it is not asked.
      if (code === "refused" && !waits && joins > 0) join();
      if (code !== "another-user") return;
      // What has joined was left with the user before; what waits is asked for this one.
      joins = waits ? 1 : 0;
      if (waits) return;
      tell(standingIn(name));
      join();
    }),
  ];
  return () => {
    stays = false;
    for (const remove of removers) remove();
    while (joins > 0) leave();
  };
}
