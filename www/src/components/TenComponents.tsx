import { useEffect, useState } from "react";
import { useConnection, useMessages } from "onesocket/react";

import type { NaiveConnection } from "../naive.ts";

const TEN = Array.from({ length: 10 }, (_, index) => index + 1);

/** Ten components, each of which uses the connection as if it were alone. */
export function TenComponents() {
  return (
    <ul className="ten" data-testid="mounted" aria-label="Mounted components">
      {TEN.map((number) => (
        <One key={number} number={number} />
      ))}
    </ul>
  );
}

function One({ number }: { number: number }) {
  const { state } = useConnection();
  const [heard, setHeard] = useState(0);
  useMessages(() => setHeard((count) => count + 1));

  return (
    <li data-state={state} title={`${state}, messages heard: ${heard}`}>
      {number}
    </li>
  );
}

/** The same ten with the naive hook. They show nothing: there is no state that they would share. */
export function TenNaiveComponents({ naive }: { naive: NaiveConnection }) {
  return TEN.map((number) => <OneNaive key={number} naive={naive} />);
}

function OneNaive({ naive }: { naive: NaiveConnection }) {
  useEffect(() => {
    void naive.connect();
    return () => naive.close();
  }, [naive]);
  return null;
}
