import type { Hex } from "../../domain/chain.ts";
import type { Processor } from "../../domain/processor.ts";
import type { Attempt } from "../ports.ts";

/** What became of a block in this run, before it stands in the ledger. */
export type Outcome = SkippedBlock | TracedBlock | FailedBlock;

/** Complete already. */
export type SkippedBlock = { readonly kind: "skipped"; readonly blockNumber: number };

/** Whose word it is; absent: no node said anything. */
export type Provenance = { readonly node: string; readonly clientVersion: string };

/** What other nodes failed at before, each under an attempt of its own: evidence, and never shown. */
type Evidence = Partial<Provenance> & { readonly rejected?: readonly FailedBlock[] };

/** Its rows are handed to the writer; they count once the ledger names their attempt. */
export type TracedBlock = Evidence & {
  readonly kind: "traced";
  readonly blockNumber: number;
  /** Whose rows and ledger row are due. */
  readonly processors: readonly Processor[];
  readonly attempt: Attempt;
  readonly transactionCount: number;
  readonly structlogCount: number;
  readonly structlogRows: number;
  readonly structlogAggRows: number;
  readonly gasUsed: number;
  readonly proof: "proven" | "unverified";
  readonly proofDetail: string;
  readonly durationMs: number;
  readonly traceBytes: number;
};

/** Booked to the block; the rest of the range goes on. */
export type FailedBlock = Evidence & {
  readonly kind: "failed";
  readonly blockNumber: number;
  readonly processors: readonly Processor[];
  /** Zeros where the block could not be fetched. */
  readonly blockHash: Hex;
  readonly parentHash: Hex;
  readonly errorKind: string;
  readonly errorMessage: string;
  readonly durationMs: number;
  readonly traceBytes: number;
};
