import { useState } from "react";
import { useConnection, useMessages } from "onesocket/react";

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
