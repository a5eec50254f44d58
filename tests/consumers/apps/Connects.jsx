"use client";

import { useEffect, useState } from "react";
import { ConnectionProvider, useConnection, useMessages } from "onesocket/react";

/** Connects where the page's address says, once it is in a browser. */
export function Connects() {
  const [place, setPlace] = useState(null);
  useEffect(() => {
    const query = new URLSearchParams(location.search);
    setPlace({ url: query.get("server"), token: query.get("token") });
  }, []);
  if (place === null) return <output>on the server</output>;
  const options = { url: place.url, getToken: async () => place.token };
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
