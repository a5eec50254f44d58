"use client";

import { useEffect, useSyncExternalStore } from "react";
import { ConnectionProvider, useConnection, useMessages } from "onesocket/react";

/** Connects where the page's address says, once it is in a browser. */
export function Connects() {
  const search = useSyncExternalStore(
    () => () => {},
    () => location.search,
    () => null,
  );
  if (search === null) return <output>on the server</output>;
  const query = new URLSearchParams(search);
  const options = { url: query.get("server"), getToken: async () => query.get("token") };
  return (
    <ConnectionProvider options={options}>
      <Echo />
    </ConnectionProvider>
  );
}

function Echo() {
  const { state, send } = useConnection();
  useMessages(({ data }) => {
    document.title = JSON.stringify({ state, data });
  });
  useEffect(() => {
    if (state === "connected") send("hello");
  }, [state, send]);
  return <output>{state}</output>;
}
