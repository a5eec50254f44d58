import type { Role } from "onesocket";
import { useConnection } from "onesocket/react";

import { pageOf } from "../session.ts";

/** How long a tab is blocked: longer than the others wait for one that is silent. */
const BLOCKED_MS = 6000;

const MEANINGS: Readonly<Record<Role, string>> = {
  alone: "This browser lets tabs share nothing: each has a socket of its own.",
  leader: "This tab leads: it has the one socket, and the others speak through it.",
  follower: "This tab follows: it speaks through the socket of the tab that leads.",
};

/** Which of the user's tabs has the socket, and what may become of that one. */
export function Tabs({ user }: { user: string }) {
  const { role } = useConnection();

  return (
    <section className="panel" aria-labelledby="tabs-title">
      <h2 id="tabs-title">Tabs</h2>
      <p>
        <output className="badge" data-testid="role">
          {role ?? "no part"}
        </output>
      </p>
      <p className="hint">{role ? MEANINGS[role] : "This tab has no connection, and wants none."}</p>
      <ul className="troubles">
        <li>
          <button type="button" data-testid="open-tab-button" onClick={() => openWindow(user)}>
            open another window
          </button>
          <span className="hint">signed in as the same user; the server still counts one socket</span>
        </li>
        <li>
          <button type="button" data-testid="close-tab-button" onClick={() => window.close()} disabled={!isClosable()}>
            close this window
          </button>
          <span className="hint">if it leads, another one does at once, and nothing is lost</span>
        </li>
        <li>
          <button type="button" data-testid="block-tab-button" onClick={block}>
            block this window for {BLOCKED_MS / 1000} s
          </button>
          <span className="hint">nothing runs in it; another one takes the lead within 3 s</span>
        </li>
      </ul>
    </section>
  );
}

/** Without an opener it has a process of its own, which goes on where this one is blocked. */
function openWindow(user: string): void {
  const { innerWidth, innerHeight, screenX, screenY } = window;
  const place = `left=${screenX + innerWidth},top=${screenY}`;
  window.open(pageOf(user), "_blank", `noopener,popup,width=${innerWidth},height=${innerHeight},${place}`);
}

/** A page may close a window in which there was no other page. */
function isClosable(): boolean {
  return history.length === 1;
}

function block(): void {
  const until = performance.now() + BLOCKED_MS;
  while (performance.now() < until);
}
