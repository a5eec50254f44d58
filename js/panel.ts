/** A panel in the corner of the page: a line, and behind it what there is to see. */

const STYLE = {
  position: "fixed",
  bottom: "8px",
  zIndex: "2147483647",
  maxWidth: "min(640px, calc(100vw - 16px))",
  maxHeight: "50vh",
  overflow: "auto",
  padding: "6px 10px",
  borderRadius: "6px",
  font: "12px/1.5 system-ui, sans-serif",
  color: "#fff",
} as const;

const GOOD = "#222";
const BAD = "#8a1c1c";

/** What can be done with a panel. */
export interface Panel {
  /** Adds an element to what is behind the line. */
  add(name: "div" | "ol"): HTMLElement;
  /** Says what stands in the line, and whether something is wrong. */
  title(text: string, isBad: boolean): void;
  isOpen(): boolean;
  onToggle(listener: () => void): void;
  remove(): void;
}

/** Shows a panel once the page has a body, at its foot; `undefined` where there is no page. */
export function panelIn(name: string, side: "left" | "right"): Panel | undefined {
  if (typeof document === "undefined") return undefined;
  const panel = document.createElement("details");
  // By its properties, which no Content-Security-Policy forbids.
  Object.assign(panel.style, STYLE, { [side]: "8px" });
  panel.setAttribute(name, "");
  const line = panel.appendChild(document.createElement("summary"));
  const attach = (): void => document.body.append(panel);
  if (document.body) attach();
  else document.addEventListener("DOMContentLoaded", attach, { once: true });
  return {
    add: (element) => panel.appendChild(document.createElement(element)),
    title: (text, isBad) => {
      line.textContent = text;
      panel.style.background = isBad ? BAD : GOOD;
    },
    isOpen: () => panel.open,
    onToggle: (listener) => panel.addEventListener("toggle", listener),
    remove: () => {
      document.removeEventListener("DOMContentLoaded", attach);
      panel.remove();
    },
  };
}
