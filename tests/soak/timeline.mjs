/** What happened when: told as it comes, and kept for whoever judges it. */

const MS = 1000;

export class Timeline {
  /** What has happened, oldest first: when, who says so, and what. */
  entries = [];
  #began = Date.now();

  /**
   * Takes something that has happened.
   *
   * @param {"test" | "client" | "page" | "server"} who
   * @param {string} what
   * @param {number} [at] - When, as `Date.now()` has it.
   */
  add(who, what, at = Date.now()) {
    this.entries.push({ at, who, what });
    const seconds = ((at - this.#began) / MS).toFixed(1).padStart(6);
    console.log(`${seconds} s  ${who.padEnd(6)}  ${what}`);
  }

  /** What one of them has said, from a moment on. */
  of(who, since = 0) {
    return this.entries.filter((entry) => entry.who === who && entry.at >= since);
  }

  /** The lines of one of them in which a text stands. */
  saying(who, text, since = 0) {
    return this.of(who, since).filter(({ what }) => what.includes(text));
  }

  /**
   * Follows the log of a server, and returns what ends that. A line of the log has its own time;
   * what it says to those who look for a fault is left out.
   *
   * @param {{ log: string }} server
   */
  follow(server) {
    let read = 0;
    const look = () => {
      const end = server.log.lastIndexOf("\n") + 1;
      for (const line of server.log.slice(read, end).split("\n").filter(Boolean)) {
        const [, time, what] = /^(\S+Z)\s+(.*)$/.exec(line) ?? [];
        if (what?.startsWith("DEBUG")) continue;
        this.add("server", what ?? line, time ? Date.parse(time) : undefined);
      }
      read = end;
    };
    const timer = setInterval(look, 100);
    return () => {
      clearInterval(timer);
      look();
    };
  }
}
