/** Why an index workflow stands still, in words; null while it moves. */
export type Waiting = {
  readonly waitingFor: string | null;
  /** True while only a person can set it going again. */
  readonly halted?: boolean;
  /** What was decided of nodes that refused, since one of them did; absent: none did. */
  readonly nodes?: readonly NodeProgress[];
};

/** What an index workflow lets its calls have of one node. */
export type NodeProgress = {
  readonly node: string;
  /** Traces at once, on all workers together; null: the workers decide. */
  readonly traces: number | null;
  /** Times that it said to be asked too often. */
  readonly refusals: number;
  /** Until when it asks to be left alone; null: it does not. */
  readonly restsUntil: string | null;
};
