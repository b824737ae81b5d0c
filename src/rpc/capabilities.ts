import type { ArchiveDepth } from "./archive-depth.ts";

/** What one node can do, as far as it was asked or tried; learnt anew when it comes back or is another version. */
export type NodeCapabilities = {
  readonly clientVersion: string;
  /** Whether its traces hold steps, and it knows the callTracer; undecided until a transaction has run code. */
  readonly traces: "seen" | "undecided";
  /** Whether it says which accounts have code, where the proof has to ask; no: it did not, at least once. */
  readonly accountCode: "yes" | "no" | "unknown";
  /** How far behind its head it has state, and so traces: asked at head, 128, 10,000 and 1,000,000 back and block 1. */
  readonly archiveDepth: ArchiveDepth;
  /** The highest block whose state it was found not to have; null = none was missed yet. */
  readonly noStateUpTo: number | null;
  /** Whether it answers compressed when asked to. */
  readonly gzip: "yes" | "no" | "unknown";
  /** Whether traces are asked for compressed; null = not measured yet. */
  readonly asksGzip: boolean | null;
  /** How blocks are traced whose stacks nobody needs; null = not measured yet. */
  readonly traceWay: "lean" | "stacks" | null;
  /** The least gas of a block that it could not trace as a whole lately; null = all passed. */
  readonly singlesFromGas: number | null;
  /** Traces at once, as it can take them now. */
  readonly tracesAtOnce: number;
};
