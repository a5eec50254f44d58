/** How long the server may take to say how many sockets there are. */
const COUNT_TIMEOUT_MS = 5000;

/** What `POST /token` answers; as it stands it is what `getToken` may return. */
export interface Token {
  readonly token: string;
  readonly expiresInMs: number;
}

/** What `GET /connections` answers: the user's sockets as the server counts them. */
export interface Connections {
  readonly user: string;
  /** Sockets that are open now. */
  readonly open: number;
  /** Sockets that were ever opened, since the server started. */
  readonly opened: number;
}

/** The server could not be asked, or did not answer as it should. The message is for people, without a full stop. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    /** The HTTP status; `null` where there was no answer. */
    readonly status: number | null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Asks the server for a token in the user's name. */
export async function requestToken(user: string, signal: AbortSignal): Promise<Token> {
  const answer = await ask("/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
    signal,
  });
  return answer as Token;
}

/** Asks the server how many sockets the token's user has and had. */
export async function fetchConnections(token: string): Promise<Connections> {
  const answer = await ask("/connections", {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(COUNT_TIMEOUT_MS),
  });
  return answer as Connections;
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    throw new ApiError(`${path} cannot be reached`, null, { cause });
  }
  if (!response.ok) {
    const sentence = await refusal(response);
    throw new ApiError(`${path} answered with status ${response.status}: ${sentence}`, response.status);
  }
  try {
    return await response.json();
  } catch (cause) {
    throw new ApiError(`${path} did not answer in JSON`, response.status, { cause });
  }
}

/** What the server says against it; something in between, a proxy, may have answered otherwise. */
async function refusal(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  const said = typeof body === "object" && body !== null && "error" in body ? body.error : null;
  return typeof said === "string" ? said : response.statusText || "no reason given";
}
