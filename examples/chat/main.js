import { createClient } from "onesocket";

const $ = (id) => document.getElementById(id);

/** The room that is shown. */
let room = null;

/** One client for the page, whoever is signed in. */
const client = createClient({
  url: "/ws",
  // A chat stays open: an outage is sat out.
  reconnect: "forever",
  async getToken({ signal }) {
    const answer = await fetch("/token", { method: "POST", signal });
    // The session has ended: the connection fails with `unauthorized`.
    if (answer.status === 401) return null;
    if (!answer.ok) throw new Error(`token: ${answer.status}`);
    return await answer.json();
  },
});

client.subscribe(() => {
  $("state").textContent = client.state;
  // Signed out on another device, or the session is over.
  if (client.state === "failed") showSignIn(client.status.error.message);
});
client.on("message", ({ data, group, from }) => {
  if (group === room) show(from, data.text);
});
client.on("error", ({ message }) => {
  $("problem").textContent = message;
});

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const user = new FormData(event.target).get("user");
  const answer = await post("/login", { user });
  if (!answer.ok) return showSignIn((await answer.json()).error);
  const { rooms } = await answer.json();
  showChat(user, rooms);
  await client.connect().catch(() => {});
});

$("sign-out").addEventListener("click", async () => {
  // First, so that nothing is sent as somebody who is gone.
  await client.close();
  await post("/logout");
  showSignIn("");
});

$("everywhere").addEventListener("click", () => void post("/logout-everywhere"));

$("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  const said = text.value;
  text.value = "";
  await attempt(async () => {
    await client.publish(room, { text: said });
    show("I", said);
  });
});

/** Enters a room, and leaves the one before. */
async function enter(name) {
  await attempt(async () => {
    await client.join(name);
    if (room !== null) void client.leave(room);
    room = name;
    $("messages").replaceChildren();
    for (const button of $("rooms").children) {
      button.setAttribute("aria-pressed", String(button.textContent === name));
    }
  });
}

/** Does something, and says what the server has against it. */
async function attempt(work) {
  $("problem").textContent = "";
  try {
    await work();
  } catch (error) {
    $("problem").textContent = error.message;
  }
}

function showChat(user, rooms) {
  $("sign-in").hidden = true;
  $("chat").hidden = false;
  $("user").textContent = user;
  $("state").textContent = client.state;
  $("rooms").replaceChildren(
    ...rooms.map((name) => {
      const button = document.createElement("button");
      button.textContent = name;
      button.addEventListener("click", () => void enter(name));
      return button;
    }),
  );
}

function showSignIn(problem) {
  room = null;
  $("messages").replaceChildren();
  $("problem").textContent = "";
  $("chat").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in").querySelector("[role=alert]").textContent = problem;
}

function show(from, text) {
  const item = document.createElement("li");
  item.textContent = `${from}: ${text}`;
  $("messages").append(item);
}

function post(path, body) {
  return fetch(path, { method: "POST", body: body && JSON.stringify(body) });
}
