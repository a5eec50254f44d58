import { type FormEvent, useRef, useState } from "react";
import { useConnection, useMessages } from "onesocket/react";

import { Messages, type RoomMessage } from "./Messages.tsx";

const KEPT = 200;

/** A room to talk in: one group, joined by its name. */
export function Room({ user }: { user: string }) {
  const { join, leave, publish } = useConnection();
  const [name, setName] = useState("lobby");
  const [joined, setJoined] = useState<string | null>(null);
  const [draft, setDraft] = useState("");
  const [pending, setPending] = useState(0);
  const [problem, setProblem] = useState<string | null>(null);
  const [messages, setMessages] = useState<readonly RoomMessage[]>([]);

  const lastId = useRef(0);
  const show = (message: Omit<RoomMessage, "id">) => {
    const id = ++lastId.current;
    setMessages((shown) => [...shown, { ...message, id }].slice(-KEPT));
  };

  useMessages(({ data, group, from }) => {
    if (group === undefined || group !== joined) return;
    const text = typeof data === "string" ? data : JSON.stringify(data);
    show({ from: from ?? "server", text, own: false });
  });

  // While there is no connection all three wait for the next one; they are refused once it has failed.
  const attempt = async (action: () => Promise<void>, failure: string) => {
    setPending((count) => count + 1);
    try {
      await action();
      setProblem(null);
    } catch (error) {
      setProblem(`${failure}: ${(error as Error).message}`);
    } finally {
      setPending((count) => count - 1);
    }
  };

  const enter = (event: FormEvent) => {
    event.preventDefault();
    const room = name.trim();
    // A group is left as often as it was joined.
    if (!room || room === joined) return;
    void attempt(async () => {
      // The client joins its groups again after each reconnect, so a room is left for good when it changes.
      if (joined !== null) await leave(joined);
      setJoined(null);
      await join(room);
      setJoined(room);
    }, `Could not join “${room}”`);
  };

  const exit = (room: string) => {
    setJoined(null);
    void attempt(() => leave(room), `Could not leave “${room}”`);
  };

  const send = (event: FormEvent) => {
    event.preventDefault();
    const text = draft.trim();
    if (!text) return;
    setDraft("");
    void attempt(async () => {
      // Without having joined this is refused by the server, and the refusal is shown.
      await publish(joined ?? name.trim(), text);
      show({ from: user, text, own: true });
    }, `“${text}” was not delivered`);
  };

  return (
    <section className="panel whole room" aria-labelledby="room-title">
      <h2 id="room-title">Room</h2>
      <form className="field" onSubmit={enter}>
        <label className="hidden" htmlFor="room">
          Room
        </label>
        <input
          id="room"
          data-testid="room-input"
          value={name}
          onChange={(event) => setName(event.target.value)}
          autoCapitalize="none"
          spellCheck={false}
          maxLength={64}
          required
        />
        <button type="submit" data-testid="join-button">
          Join
        </button>
        {joined !== null && (
          <button type="button" data-testid="leave-button" onClick={() => exit(joined)}>
            Leave
          </button>
        )}
      </form>
      <Messages messages={messages} joined={joined} />
      {problem !== null && (
        <p className="notice" role="status" data-testid="room-problem">
          {problem}
        </p>
      )}
      <form className="field" onSubmit={send}>
        <label className="hidden" htmlFor="message">
          Message
        </label>
        <input
          id="message"
          data-testid="message-input"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          placeholder="Say something"
          autoComplete="off"
        />
        <button type="submit" className="primary" data-testid="send-button">
          Send
        </button>
      </form>
      <p className="hint" data-testid="pending-count">
        {pending > 0 && `On its way, not yet acknowledged: ${pending}`}
      </p>
    </section>
  );
}
