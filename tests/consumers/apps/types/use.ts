import { connect, createClient, OneSocketError } from "onesocket";
import type { Client, ClientOptions, Message, State, Status } from "onesocket";

const options: ClientOptions = {
  url: "wss://app.example/ws",
  getToken: async ({ signal }) => {
    const answer = await fetch("/token", { method: "POST", signal });
    return (await answer.json()) as { token: string; expiresInMs: number };
  },
  reconnect: "forever",
};

export async function use(): Promise<State> {
  const client: Client = createClient(options);
  const off: () => void = client.on("message", ({ data, group }: Message) => {
    console.log(group, data);
  });
  try {
    await client.connect();
    await client.publish("tea", new Uint8Array([1, 2, 3]));
  } catch (error) {
    if (error instanceof OneSocketError && error.code === "unauthorized") throw error;
  }
  const sends = createClient<unknown, { say: string }>({ ...options, wire: { encode: JSON.stringify } });
  if (options.url === "") sends.send({ say: "hello" });
  const typed = createClient({ ...options, decode: (data) => ({ length: String(data).length }) });
  typed.on("message", ({ data }) => console.log(data.length.toFixed()));
  const asserted: Client<{ text: string }> = createClient<{ text: string }>({ url: "/ws" });
  asserted.on("message", ({ data }) => console.log(data.text.trim()));
  // @ts-expect-error: this is not what encode takes.
  if (options.url === "") sends.send("hello");
  // @ts-expect-error: it has no such field.
  typed.on("message", ({ data }) => console.log(data.text));
  // @ts-expect-error: there is no such event.
  client.on("massage", () => {});
  // @ts-expect-error: a URL is needed.
  createClient({});
  off();
  const status: Status = client.status;
  return (await connect(options)) === client ? "connected" : status.state;
}
