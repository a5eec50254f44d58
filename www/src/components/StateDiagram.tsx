import type { State } from "onesocket";

/** Where each state stands: the way out on top, the ways to lose it as rungs below. */
const STATIONS: Readonly<Record<State, { readonly x: number; readonly y: number }>> = {
  idle: { x: 34, y: 44 },
  connecting: { x: 140, y: 44 },
  connected: { x: 310, y: 44 },
  waiting: { x: 225, y: 94 },
  failed: { x: 225, y: 144 },
  closing: { x: 268, y: 194 },
  closed: { x: 182, y: 194 },
};

/** Lines as on a map of the underground: down on the right when it ends, up on the left to come back. */
const LINES = [
  "M34 44H310",
  "M310 44V78Q310 94 294 94H156Q140 94 140 78V44",
  "M310 78V128Q310 144 294 144H156Q140 144 140 128V78",
  "M310 128V178Q310 194 294 194H156Q140 194 140 178V128",
];

/** Which way the lines run, as the middle of an arrow and its turn in degrees. */
const ARROWS = [
  [88, 44, 0],
  [225, 44, 0],
  [310, 70, 90],
  [140, 70, -90],
] as const;

/** What leads down each rung, and back up. */
const CAUSES = [
  { y: 94, down: "lost", up: "next attempt" },
  { y: 144, down: "for good", up: "connect()" },
  { y: 194, down: "close()", up: "connect()" },
];

/** The seven states, the current one marked. */
export function StateDiagram({ current }: { current: State }) {
  return (
    <svg
      className="diagram"
      viewBox="12 10 360 202"
      role="img"
      aria-label={`The seven states, of which the current one is ${current}`}
      data-testid="state-diagram"
      data-current={current}
    >
      {LINES.map((line) => (
        <path key={line} className="diagram-line" d={line} />
      ))}
      {ARROWS.map(([x, y, turn]) => (
        <path key={`${x} ${y}`} className="diagram-arrow" d="M-4-5 4 0-4 5" transform={`translate(${x} ${y}) rotate(${turn})`} />
      ))}
      {CAUSES.map(({ y, down, up }) => (
        <g key={y} className="diagram-cause">
          <text x={322} y={y + 4}>
            {down}
          </text>
          <text x={128} y={y + 4} textAnchor="end">
            {up}
          </text>
        </g>
      ))}
      {Object.entries(STATIONS).map(([state, { x, y }]) => (
        <g key={state} className={state === current ? "station station-current" : "station"} transform={`translate(${x} ${y})`}>
          <circle className="station-halo" r={15} />
          <circle className="station-dot" r={7} />
          <text y={-16} textAnchor="middle">
            {state}
          </text>
        </g>
      ))}
    </svg>
  );
}
