export type TraceRejectedKind =
  | "trace_malformed"
  | "trace_refused"
  | "trace_cut"
  | "proof_mismatch";

/** Where in a block a check failed; absent parts are unknown. */
export type TraceSpot = {
  readonly transactionIndex?: number | undefined;
  readonly stepIndex?: number | undefined;
};

/**
 * Thrown when the bytes are no trace (syntax, shape, an end before its time, an error of the node in place of a
 * result) or contradict the block. `kind` is booked to the block; `check` names the rule.
 */
export class TraceRejected extends Error {
  override readonly name = "TraceRejected";
  readonly kind: TraceRejectedKind;
  readonly check: string;

  constructor(rejection: { kind: TraceRejectedKind; check: string; reason: string } & TraceSpot) {
    const { kind, check, reason, transactionIndex, stepIndex } = rejection;
    const spot = [
      transactionIndex === undefined ? "" : `, transaction ${transactionIndex}`,
      stepIndex === undefined ? "" : `, step ${stepIndex}`,
    ].join("");
    super(`${check}${spot}: ${reason}`);
    this.kind = kind;
    this.check = check;
  }
}

/** Text of a node or a trace, cut to a length that a log line bears. */
export function excerpt(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

export function malformed(check: string, reason: string, spot: TraceSpot = {}): TraceRejected {
  return new TraceRejected({ kind: "trace_malformed", check, reason, ...spot });
}

export function mismatch(
  check: string,
  facts: { readonly expected: unknown; readonly actual: unknown } & TraceSpot,
): TraceRejected {
  const { expected, actual, ...spot } = facts;
  const reason = `expected ${String(expected)}, actual ${excerpt(String(actual))}`;
  return new TraceRejected({ kind: "proof_mismatch", check, reason, ...spot });
}
