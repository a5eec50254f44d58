/**
 * onesocket for tests and stories: clients with the real machine underneath, and a server within the
 * process that does what the test says. There is no network, and no timer of its own.
 *
 * @packageDocumentation
 */

import { OneSocketError } from "./error.js";
import { Face } from "./face.js";
import { type ClientOptions, readOptions } from "./options.js";
import { type AcceptedMessage, type Address, TestServer } from "./test_server.js";
import type { State } from "./status.js";
import { WasmClient } from "./wasm_client.js";

export {
  type AcceptedMessage,
  type Address,
  type TestConnection,
  TestServer,
  type TestServerOptions,
} from "./test_server.js";

/** The options of a {@link TestClient}: those of a client, and the server that it has. */
export interface TestClientOptions extends Partial<Omit<ClientOptions, "WebSocket">> {
  /** The server; several clients may have one. Default: one of its own. */
  readonly server?: TestServer;
}

/** Why a server ends a connection for good, and the close code that says so (PROTOCOL.md). */
const FAILURES: Readonly<Record<Failure, number>> = {
  refused: 4403,
  replaced: 4409,
  "too-large": 4413,
  unauthorized: 4401,
};

/** What {@link TestClient.fail} takes. */
export type Failure = "refused" | "replaced" | "too-large" | "unauthorized";

/** The states into which {@link TestClient.setState} brings a client. */
export type SettableState = Exclude<State, "idle" | "closing">;

/**
 * A client that a test drives. It keeps the rules of the real one, for the real machine is in it: what
 * cannot happen to a connection cannot be made to happen here.
 */
export class TestClient extends Face {
  /** The server at the other end. */
  readonly server: TestServer;

  constructor({ server = new TestServer(), ...options }: TestClientOptions = {}) {
    const url = "ws://onesocket.test/ws";
    super(new WasmClient(readOptions({ url, ...options, WebSocket: server.WebSocket })));
    this.server = server;
  }

  /** What the server has accepted, of all its clients: see {@link TestServer.accepted}. */
  get accepted(): readonly AcceptedMessage[] {
    return this.server.accepted;
  }

  /** Has a message arrive: see {@link TestServer.send}. */
  receive(data: unknown, to?: Address): void {
    this.server.send(data, to);
  }

  /**
   * Brings the connection into a state, as a server and a network would; resolves once it is there.
   * `connecting` stays until another state is set, or its time is out; `waiting` for as long as attempts
   * are left. Rejects with a {@link OneSocketError} if the connection fails on its way.
   */
  async setState(state: SettableState): Promise<void> {
    const { server } = this;
    if (state === "closed") {
      await this.close();
      return;
    }
    if (state === "failed") {
      await this.fail("refused");
      return;
    }
    server.refuse(undefined);
    if (state === "connecting") server.pause();
    else server.resume();
    server.isReachable = state !== "waiting";
    if (state !== "connected") server.drop();
    // A call in `waiting` would try at once.
    if (this.state !== state) this.connect().catch(() => {});
    await this.#until(state);
  }

  /** Has the server end the connection for good, and those that follow, until a state is set. */
  async fail(why: Failure): Promise<void> {
    const { server } = this;
    server.isReachable = true;
    server.resume();
    server.refuse(FAILURES[why], why);
    // From where it has failed before it fails anew: the error is another one.
    if (this.status.error?.code !== why) this.connect().catch(() => {});
    await this.#until("failed");
  }

  /** Rejects if it fails instead: a timer that has run out, options that the server does not take. */
  async #until(state: State): Promise<void> {
    if (this.state === state) return;
    await new Promise<void>((resolve, reject) => {
      const remove = this.subscribe(() => {
        const { status } = this;
        if (status.state !== state && status.error === null) return;
        remove();
        if (status.state === state) resolve();
        else reject(new OneSocketError(status.error?.code ?? "closed", `It is not ${state}: ${status.error?.message}`));
      });
    });
  }
}

/** Makes a {@link TestClient}. Like every client it starts nothing by itself. */
export function createTestClient(options?: TestClientOptions): TestClient {
  return new TestClient(options);
}
