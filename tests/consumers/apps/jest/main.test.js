const { createClient } = require("onesocket");

test("it connects", async () => {
  const { URL_OF_SERVER: url, TOKEN: token } = process.env;
  const client = createClient({ url, getToken: () => token });
  const heard = new Promise((resolve) => client.on("message", ({ data }) => resolve(data)));
  await client.connect();
  client.send("hello");
  expect(await heard).toBe("hello");
  expect(client.state).toBe("connected");
  client.free();
});
