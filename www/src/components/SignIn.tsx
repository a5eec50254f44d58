import { type FormEvent, useState } from "react";

import { Wire } from "./Wire.tsx";

/** Asks for any name: the demo's server gives everybody a token. */
export function SignIn({ onSignIn }: { onSignIn: (user: string) => void }) {
  const [name, setName] = useState("");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const user = name.trim();
    if (user) onSignIn(user);
  };

  return (
    <main className="sign-in" data-state="idle">
      <p className="wordmark">onesocket</p>
      <h1>
        One connection.
        <br />
        It stays.
      </h1>
      <Wire state="idle" near={name.trim() || "you"} far="server" />
      <p className="lead">
        One WebSocket per user, however often it is asked for. Sign in, watch it, and try to make it open a second one.
      </p>
      <form onSubmit={submit}>
        <label htmlFor="name">Any name will do</label>
        <div className="field">
          <input
            id="name"
            data-testid="name-input"
            value={name}
            onChange={(event) => setName(event.target.value)}
            placeholder="ada"
            autoComplete="nickname"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={64}
            required
          />
          <button type="submit" className="primary" data-testid="sign-in-button">
            Sign in
          </button>
        </div>
      </form>
    </main>
  );
}
