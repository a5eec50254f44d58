/** What nobody may see in a page unless a test has announced it. */

import { publishedSteps } from "./diagram.mjs";
import { COMPLAINT, keepLedger } from "./ledger.mjs";
import { until, within } from "./wait.mjs";

/** What browsers write when a socket is closed under their feet. It cannot be announced. */
const CLOSED_EARLY = "closed before the connection is established";

/** How the demo's naive hook is known, which is there to do what must not be: its sockets are not ours. */
const NAIVE = "/ws?naive";

/** What browsers write of requests and handshakes that nobody answers: for tests to announce. */
export const UNREACHABLE =
  /Failed to load resource: net::ERR_|WebSocket connection to '[^']*' failed/;

/** The longest that a client takes to let go: a handshake, then the close of its socket. */
const LETTING_GO_MS = 14_000;

/**
 * Watches a page from before it is loaded. A failure is:
 *
 * - an uncaught error, or a rejection that nobody handles;
 * - a console line about a socket that was closed too early, and any other console error or warning
 *   that was not announced;
 * - two live sockets of one client, or a step that is not in the published diagram of the states;
 * - a socket, a timer or a listener of onesocket that is left once its clients are freed.
 */
export class Watch {
  /** The URLs of the WebSockets that the page has made, Vite's own and the naive hook's left out. */
  sockets = [];
  /** The URLs of all requests. */
  requests = [];
  /** All lines on the console, each with its kind. */
  console = [];
  #page;
  #allowed;
  #keeps;
  #isEnding = false;
  #problems = [];

  /**
   * @param {import("playwright-core").Page | import("./tab.mjs").Tab} page
   * @param {object} [options]
   * @param {RegExp[]} [options.allow] - See `allow()`.
   * @param {boolean} [options.keeps] - Whether the page keeps a client to itself, so that nobody can
   *   free it and see what is left.
   * @param {string[]} [options.steps] - What the states may do: the published diagram.
   */
  static async begin(page, { allow = [], keeps = false, steps = publishedSteps() } = {}) {
    const watch = new Watch(page, allow, keeps);
    await page.addInitScript(keepLedger, { steps, complaint: COMPLAINT });
    return watch;
  }

  constructor(page, allowed, keeps) {
    this.#page = page;
    this.#allowed = [...allowed];
    this.#keeps = keeps;
    page.on("websocket", (socket) => {
      const { pathname, search } = new URL(socket.url());
      if (pathname === "/ws" && pathname + search !== NAIVE) this.sockets.push(socket.url());
    });
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("pageerror", (error) => this.#complain(`uncaught: ${error.stack ?? error}`));
    page.on("crash", () => this.#problems.push("the page crashed"));
    page.on("console", (message) => {
      const kind = message.type();
      const line = `${kind}: ${message.text()} (${message.location().url})`;
      this.console.push(line);
      if (line.includes(`${NAIVE}' failed`)) return;
      // A handshake that nobody answers, of a client that was freed: it may be given up then.
      if (line.includes(CLOSED_EARLY) && !this.#isEnding) this.#problems.push(line);
      else if (line.includes(COMPLAINT)) this.#problems.push(line);
      else if (kind === "error" || kind === "warning") this.#complain(line);
    });
  }

  /** Announces console lines and errors that are no failure, from now on. */
  allow(...patterns) {
    this.#allowed.push(...patterns);
  }

  /** Requests to the server for a token: one for each attempt. */
  get tokenRequests() {
    return this.requests.filter((url) => new URL(url).pathname === "/token").length;
  }

  /** Returns what was wrong, and forgets it. */
  takeProblems() {
    return this.#problems.splice(0);
  }

  /** Throws if anything was wrong. */
  verify() {
    const problems = this.takeProblems();
    if (problems.length === 0) return;
    throw new Error(`in the page:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  }

  /** Takes what browsers say once of each handshake that was given up at its timeout: so many. */
  async gaveUp(times) {
    const isEarly = (line) => line.includes(CLOSED_EARLY);
    await until(`${times} handshakes given up`, () => this.#problems.filter(isEarly).length >= times);
    const [early, others] = [this.#problems.filter(isEarly), this.#problems.filter((line) => !isEarly(line))];
    this.#problems = [...others, ...early.slice(times)];
  }

  /**
   * Frees the clients of the page and waits until nothing is left of them.
   *
   * @param {(ms: number) => Promise<void>} [pass] - Lets time pass, where it stands still.
   * @param {number} [limit] - How long it may take, in milliseconds.
   */
  async end(pass, limit) {
    if (this.#keeps) return;
    this.#isEnding = true;
    const strangers = (await this.#ask(() => window.onesocketLedger?.freeAll() ?? 0)).flat();
    if (strangers.some((number) => number > 0)) {
      this.#problems.push("a client that the watch does not know: hand it to onesocketLedger.watch()");
      return;
    }
    let left = [];
    try {
      const isNothingLeft = async () => {
        left = (await this.#ask(() => window.onesocketLedger?.left() ?? [])).flat();
        if (left.length > 0) await pass?.(LETTING_GO_MS);
        return left.length === 0;
      };
      await until("all is let go", isNothingLeft, limit);
    } catch {
      this.#problems.push(`left after all clients were freed: ${left.join(", ")}`);
    }
  }

  /** Asks each frame of the page. */
  async #ask(question) {
    const answers = this.#page.frames().map((frame) => frame.evaluate(question));
    return await within(Promise.all(answers), "the page's answer");
  }

  #complain(line) {
    if (!this.#allowed.some((pattern) => pattern.test(line))) this.#problems.push(line);
  }
}
