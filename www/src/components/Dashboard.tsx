import { useConnection } from "onesocket/react";

import { STATE_MEANINGS } from "../meanings.ts";
import type { Session } from "../session.ts";
import { Facts } from "./Facts.tsx";
import { Problem } from "./Problem.tsx";
import { Room } from "./Room.tsx";
import { Snippet } from "./Snippet.tsx";
import { Sockets } from "./Sockets.tsx";
import { StateDiagram } from "./StateDiagram.tsx";
import { Tabs } from "./Tabs.tsx";
import { Timeline } from "./Timeline.tsx";
import { Troubles } from "./Troubles.tsx";
import { Wire } from "./Wire.tsx";

/** All there is to see and do once signed in. */
export function Dashboard({ session, onSignOut }: { session: Session; onSignOut: () => void }) {
  const { state } = useConnection();

  return (
    <div className="page" data-state={state}>
      <header>
        <p className="wordmark">onesocket</p>
        <p className="who">
          <span>
            <span className="who-lead">signed in as </span>
            <strong data-testid="user-name">{session.user}</strong>
          </span>
          <button type="button" data-testid="sign-out-button" onClick={onSignOut}>
            Sign out
          </button>
        </p>
      </header>
      <main>
        <section className="hero" aria-label="Connection">
          <Wire state={state} near={session.user} far="server">
            <output className="badge" data-testid="state-badge">
              {state}
            </output>
          </Wire>
          <p className="meaning">{STATE_MEANINGS[state]}</p>
          <Problem tokenProblem={session.tokenProblem} />
        </section>
        <Sockets counter={session.counter} naive={session.naive} />
        <section className="panel" aria-labelledby="state-title">
          <h2 id="state-title">State</h2>
          <StateDiagram current={state} />
          <Facts />
        </section>
        <Tabs user={session.user} />
        <Troubles line={session.line} onRefuseToken={session.refuseNextToken} />
        <Timeline entries={session.timeline} />
        <Room user={session.user} />
        <Snippet />
      </main>
    </div>
  );
}
