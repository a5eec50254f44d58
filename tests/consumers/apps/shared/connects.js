import { createClient } from "onesocket";

/** Where the test wants it to connect: the page's address says so. */
export function place() {
  const query = new URLSearchParams(location.search);
  return { url: query.get("server"), token: query.get("token") };
}

/** Connects, sends a message that the server echoes, and returns what came back. */
export async function connects({ url, token }, more = {}) {
  const client = createClient({ url, getToken: () => token, ...more });
  const heard = new Promise((resolve) => client.on("message", ({ data }) => resolve(data)));
  await client.connect();
  client.send("hello");
  const data = await heard;
  const { state } = client;
  client.free();
  return JSON.stringify({ state, data });
}
