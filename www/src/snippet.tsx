import { ConnectionProvider, useConnection, useMessages } from "onesocket/react";

const options = { url: "/ws", getToken: () => fetch("/token").then((r) => r.text()) };

export function App() {
  return (
    <ConnectionProvider options={options}>
      <Chat />
    </ConnectionProvider>
  );
}

function Chat() {
  const { state, send } = useConnection();
  useMessages(({ data }) => console.log(data));
  return <button onClick={() => send("hello")}>{state}</button>;
}
