import { useEffect, useState } from "react";
import { ConnectionProvider } from "onesocket/react";

import { Dashboard } from "./components/Dashboard.tsx";
import { SignIn } from "./components/SignIn.tsx";
import { openSession, rememberedName, rememberName, type Session } from "./session.ts";

declare global {
  interface Window {
    /** The page's client, for the console and for end-to-end tests; the page itself never reads it. */
    onesocketClient?: Session["client"];
  }
}

/**
 * The page: signed out it asks for a name, signed in it shows that name's connection.
 *
 * What end-to-end tests may rely on, by `data-testid`:
 *
 * | what | `data-testid` |
 * | --- | --- |
 * | signing in and out | `name-input`, `sign-in-button`, `sign-out-button`, `user-name` |
 * | the state, its text being exactly that | `state-badge` |
 * | the state in the diagram (`data-current`) | `state-diagram` |
 * | `1 (open)` | `ready-state` |
 * | `2 of 5` | `attempt` |
 * | `4 s`, or `–` unless waiting | `countdown` |
 * | facts, `–` where there are none | `connection-id`, `token-expiry` |
 * | the message box, `role="alert"` (`data-code`: an error code, or `token`) | `error-message` |
 * | the way back, in that box once failed | `reconnect-button` |
 * | the room | `room-input`, `join-button`, `leave-button`, `joined-room` |
 * | its messages | `message-input`, `send-button`, `pending-count`, `room-problem` |
 * | the list and its items (`data-own`, `data-from`) | `message-list`, `message` |
 * | what used to make duplicates | `connect-button`, `close-button`, `connects-button`, `close-connect-button`, `mount-button` |
 * | the new sockets each has made | `connect-result`, `close-result`, `connects-result`, `close-connect-result`, `mount-result` |
 * | the ten components while mounted | `mounted` |
 * | the server's counts, the numbers alone | `server-open`, `server-opened` |
 * | the same of the naive hook | `naive-open`, `naive-opened`, `naive-early`, `connects-naive` and so on |
 * | what this tab is to the others | `role`, `open-tab-button`, `close-tab-button`, `block-tab-button` |
 * | troubles (`aria-pressed`) | `cut-button`, `away-button`, `silent-button`, `offline-button`, `token-button` |
 * | the whole sentence, and why it may be old | `server-counts`, `server-problem` |
 * | the timeline and its items (`data-kind`: `state`, `error`) | `timeline`, `timeline-entry` |
 * | many of them at once, folded | `timeline-burst` |
 */
export function App() {
  const [session, setSession] = useState<Session | null>(() => {
    const user = rememberedName();
    return user === null ? null : openSession(user);
  });

  useEffect(() => {
    if (!session) return;
    window.onesocketClient = session.client;
    return () => {
      delete window.onesocketClient;
    };
  }, [session]);

  if (!session) {
    return (
      <SignIn
        onSignIn={(user) => {
          rememberName(user);
          setSession(openSession(user));
        }}
      />
    );
  }
  return (
    <ConnectionProvider client={session.client}>
      <Dashboard
        session={session}
        onSignOut={() => {
          rememberName(null);
          setSession(null);
          session.end();
        }}
      />
    </ConnectionProvider>
  );
}
