/** What nobody may see in a page unless a test has announced it. */

/** What browsers write when a socket is closed under their feet. It cannot be announced. */
const CLOSED_EARLY = "closed before the connection is established";

/** What browsers write of requests and handshakes that nobody answers: for tests to announce. */
export const UNREACHABLE =
  /Failed to load resource: net::ERR_|WebSocket connection to '[^']*' failed/;

/**
 * Watches a page from before it is loaded. A failure is: an uncaught error, a rejection that nobody
 * handles, a console line about a socket that was closed too early, and any other console error or
 * warning that was not announced.
 */
export class Watch {
  /** The URLs of the WebSockets that the page has made, Vite's own left out. */
  sockets = [];
  /** The URLs of all requests. */
  requests = [];
  /** All lines on the console, each with its kind. */
  console = [];
  #allowed;
  #problems = [];

  /**
   * @param {import("playwright-core").Page} page
   * @param {RegExp[]} allowed
   */
  constructor(page, allowed) {
    this.#allowed = [...allowed];
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).pathname === "/ws") this.sockets.push(socket.url());
    });
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("pageerror", (error) => this.#complain(`uncaught: ${error.stack ?? error}`));
    page.on("crash", () => this.#problems.push("the page crashed"));
    page.on("console", (message) => {
      const kind = message.type();
      const line = `${kind}: ${message.text()} (${message.location().url})`;
      this.console.push(line);
      if (line.includes(CLOSED_EARLY)) this.#problems.push(line);
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

  #complain(line) {
    if (!this.#allowed.some((pattern) => pattern.test(line))) this.#problems.push(line);
  }
}
