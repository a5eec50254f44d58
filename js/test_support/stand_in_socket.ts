/** A stand-in for the browser's `WebSocket`, which does what a test says. */

/** What a socket was told and what it tells, driven by a test. */
export class StandInSocket {
  /** All that a test has made, oldest first. */
  static readonly made: StandInSocket[] = [];

  /** The newest one. */
  static get last(): StandInSocket {
    const last = StandInSocket.made.at(-1);
    if (last === undefined) throw new Error("no socket was made");
    return last;
  }

  binaryType = "blob";
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readyState = 0;
  protocol = "";
  bufferedAmount = 0;
  readonly url: string;
  readonly protocols: string[];
  readonly sent: unknown[] = [];
  closed: [code: number | undefined, reason: string | undefined] | undefined;

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    StandInSocket.made.push(this);
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    this.closed = [code, reason];
    if (this.readyState < 2) this.readyState = 2;
  }

  /** The opening handshake has succeeded, and the server has chosen a subprotocol. */
  opens(protocol = this.protocols[0] ?? ""): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.({} as never);
  }

  /** Something has arrived. */
  receives(data: unknown): void {
    this.onmessage?.({ data } as never);
  }

  /** The socket opens, and the server agrees the session. */
  connects(more: object = {}): void {
    this.opens();
    const welcome = { connectionId: "c1", user: "ada", pingIntervalMs: 25000, maxMessageBytes: 65536 };
    this.receives(JSON.stringify({ type: "welcome", ...welcome, ...more }));
  }

  /** The socket has closed. */
  closes(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason, wasClean: code !== 1006 } as never);
  }
}
