/** The chat of `examples/chat`, behind nginx with TLS: private rooms, several devices, signing out. */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

import { makeApp } from "./support/app.mjs";
import { startChild } from "./support/child.mjs";
import { freePort, HOST } from "./support/host.mjs";
import { block, startNginx } from "./support/proxies.mjs";
import { ROOT } from "./support/paths.mjs";
import { scene } from "./support/scene.mjs";
import { until } from "./support/wait.mjs";

const PUBLISH_KEY = "k".repeat(32);

/** The chat's back end, onesocket-server, and nginx before them. */
async function startChat(the) {
  const app = the.use(makeApp("chat").copy(join(ROOT, "examples/chat")).installPackage());
  app.write("publish-key", PUBLISH_KEY);
  const admin = `${HOST}:${await freePort()}`;
  // Signing out everywhere closes connections.
  const server = await the.server({
    replaces: true,
    args: [
      ...["--connections-per-user", "2", "--admin-listen", admin, "--open-groups", "none"],
      ...["--publish-key-file", app.path("publish-key"), "--address-header", "X-Forwarded-For"],
    ],
  });
  const backEnd = the.use(
    startChild("the back end", process.execPath, ["server.mjs"], {
      cwd: app.folder,
      env: {
        PATH: process.env.PATH,
        HOST,
        PORT: "0",
        ONESOCKET_SECRET: server.secret,
        ONESOCKET_ADMIN: `http://${admin}`,
        ONESOCKET_PUBLISH_KEY: PUBLISH_KEY,
      },
    }),
  );
  const listens = () => /^listening on (\S+)\n/.exec(backEnd.said());
  const [line, address] = await until("the back end's first line", listens);
  const url = await startNginx(the, { url: address }, block(server));
  const complaints = () => backEnd.said().slice(line.length);
  return { server, url, complaints };
}

/** Opens the chat on a device, and signs in. */
async function signIn(the, url, user) {
  // Browsers say so of each answer of 401; and the page keeps its client to itself.
  const { page } = await the.open(url, { ignoreHTTPSErrors: true, keeps: true, allow: [/status of 401/] });
  const device = new Device(page);
  await device.signIn(user);
  return device;
}

class Device {
  constructor(page) {
    this.page = page;
  }

  async signIn(user) {
    await this.page.getByLabel("Name").fill(user);
    await this.click("Sign in");
    await this.page.getByText("connected", { exact: true }).waitFor();
  }

  async click(name) {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  async enter(room) {
    await this.click(room);
    await this.page.locator(`[aria-pressed="true"]`).getByText(room).waitFor();
  }

  async say(text) {
    await this.page.getByLabel("Message").fill(text);
    await this.click("Send");
  }

  async hears(text) {
    await this.page.getByRole("listitem").getByText(text, { exact: true }).waitFor();
  }

  async messages() {
    return await this.page.getByRole("listitem").allTextContents();
  }
}

test(
  "rooms are private, devices are side by side, and who signs out is gone",
  scene(async (the) => {
    const { server, url, complaints } = await startChat(the);
    const [laptop, phone, bob] = await Promise.all(["ada", "ada", "bob"].map((user) => signIn(the, url, user)));
    assert.deepEqual(await server.connections("ada"), { open: 2, opened: 2 });

    // The board is ada's, on both devices.
    await laptop.enter("board");
    await phone.enter("board");
    await bob.enter("tea");
    await bob.click("board");
    await bob.page.getByText(/may not join "board"/).waitFor();
    await laptop.say("the plan");
    await laptop.hears("I: the plan");
    await phone.hears("ada: the plan");
    // Both are in tea.
    await phone.enter("tea");
    await bob.say("milk?");
    await phone.hears("bob: milk?");
    assert.deepEqual(await laptop.messages(), ["I: the plan"]);
    assert.deepEqual(await bob.messages(), ["I: milk?"]);

    // Signing out is for this device, and the next one who signs in there is somebody else.
    await phone.click("Sign out");
    await phone.page.getByLabel("Name").waitFor();
    await server.connectionsWhenOpen("ada", 1);
    await phone.signIn("bob");
    await laptop.say("a secret");
    await laptop.hears("I: a secret");
    await phone.enter("tea");
    await bob.say("still tea");
    await phone.hears("bob: still tea");
    assert.deepEqual(await phone.messages(), ["bob: still tea"]);

    // Signing out everywhere ends the other devices as well, and none of them comes back.
    const desk = await signIn(the, url, "ada");
    await desk.click("Sign out everywhere");
    for (const device of [laptop, desk]) await device.page.getByLabel("Name").waitFor();
    assert.deepEqual(await server.connectionsWhenOpen("ada", 0), { open: 0, opened: 3 });
    assert.equal((await server.connections("bob")).open, 2);
    assert.equal(complaints(), "");
  }),
);
