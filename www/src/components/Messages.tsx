import { useEffect, useRef } from "react";

/** A message in the room. */
export interface RoomMessage {
  readonly id: number;
  readonly from: string;
  readonly text: string;
  readonly own: boolean;
}

/** The room's messages, oldest first, the newest in view. */
export function Messages({ messages, joined }: { messages: readonly RoomMessage[]; joined: string | null }) {
  const list = useRef<HTMLOListElement>(null);

  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [messages]);

  return (
    <>
      <p className="hint">
        {joined === null ? (
          "In no room yet. Join one, here and in a second window under another name."
        ) : (
          <>
            In <strong data-testid="joined-room">{joined}</strong>, and back in it after every reconnect.
          </>
        )}
      </p>
      <ol ref={list} className="messages" data-testid="message-list" aria-label="Messages" aria-live="polite" tabIndex={0}>
        {messages.map((message) => (
          <li key={message.id} data-testid="message" data-own={message.own} data-from={message.from}>
            <span className="from">{message.from}</span>
            <span className="text">{message.text}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
