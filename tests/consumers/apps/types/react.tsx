import { ConnectionProvider, useConnection, useGroup, useMessages } from "onesocket/react";

function Room() {
  const state = useConnection((connection) => connection.state);
  const { publish, error } = useGroup("tea", ({ data }) => console.log(data));
  useMessages(() => {}, { group: "tea" });
  return <button onClick={() => void publish("hello")}>{error?.message ?? state}</button>;
}

export function App() {
  return (
    <ConnectionProvider options={{ url: "wss://app.example/ws" }}>
      <Room />
    </ConnectionProvider>
  );
}
