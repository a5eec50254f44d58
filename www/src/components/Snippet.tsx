import { useState } from "react";

// As a text, and compiled with the rest of this page.
// oxlint-disable-next-line import/default -- Vite makes it
import CODE from "../snippet.tsx?raw";

/** All the code that an application needs. */
export function Snippet() {
  const [said, setSaid] = useState("Copy");

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(CODE);
      setSaid("Copied");
    } catch {
      setSaid("Not allowed here: select the text");
    }
  };

  return (
    <section className="panel whole" aria-labelledby="snippet-title">
      <h2 id="snippet-title">Put it into yours</h2>
      <pre className="snippet" data-testid="snippet" tabIndex={0} aria-labelledby="snippet-title">
        <code>{CODE}</code>
      </pre>
      <p>
        <button type="button" data-testid="copy-button" onClick={() => void copy()}>
          {said}
        </button>
      </p>
    </section>
  );
}
