/** What one node can do, as far as it was asked or tried; learnt anew when it comes back or is another version. */
export type NodeCapabilities = {
  readonly clientVersion: string;
  /** Whether its traces hold steps, and it knows the callTracer; undecided until a transaction has run code. */
  readonly traces: "seen" | "undecided";
  /** The highest block whose state it was found not to have; null = none was missed yet. */
  readonly noStateUpTo: number | null;
  /** The least gas of a block that it could not trace as a whole lately; null = all passed. */
  readonly singlesFromGas: number | null;
  /** Traces at once, as it can take them now. */
  readonly tracesAtOnce: number;
};
