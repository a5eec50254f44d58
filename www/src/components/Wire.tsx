import type { ReactNode } from "react";

import type { State } from "onesocket";

/** The one wire between this page and the server: whole, broken or cut, as the state has it. */
export function Wire({ state, near, far, children }: { state: State; near: string; far: string; children?: ReactNode }) {
  return (
    <div className="wire" data-state={state}>
      <span className="wire-end">{near}</span>
      <span className="wire-line" aria-hidden="true" />
      {children}
      <span className="wire-line" aria-hidden="true" />
      <span className="wire-end">{far}</span>
    </div>
  );
}
