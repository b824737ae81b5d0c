import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Hex } from "../../../src/domain/chain.ts";
import { type LedgerRow, packVersion } from "../../../src/domain/ledger.ts";
import {
  type LedgerEvent,
  nextLedgerRow,
  winsOver,
} from "../../../src/domain/ledger-transition.ts";

// Writers read the ledger, work for a while, and write: zombies write long after they read, and clocks are anywhere.

const key = { network: "net", processor: "structlog", blockNumber: 7 } as const;
const origin = { workflowId: "w", runId: "r", reason: "why", actor: "who" };
const provenance = {
  node: "n",
  clientVersion: "v",
  decoderVersion: 1,
  durationMs: 1,
  traceBytes: 2,
};

const hashes = fc.constantFrom<Hex>(`0x${"a".repeat(64)}`, `0x${"b".repeat(64)}`);
const times = fc
  .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
  .map((date) => date.toISOString());
const attemptIds = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String);

function completed(reorged: boolean): fc.Arbitrary<LedgerEvent> {
  return fc
    .record({
      blockHash: hashes,
      attemptId: attemptIds,
      activityAttempt: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ blockHash, attemptId, activityAttempt }) => ({
      kind: "completed",
      facts: {
        blockHash,
        parentHash: blockHash,
        attemptId,
        transactionCount: 1,
        structlogCount: 2,
        rowCount: 3,
        proof: "proven",
        proofDetail: "{}",
        ...provenance,
      },
      reorged,
      activityAttempt,
    }));
}

function failed(reorged: boolean): fc.Arbitrary<LedgerEvent> {
  return fc
    .record({ blockHash: hashes, nextAttemptAt: fc.option(times) })
    .map(({ blockHash, nextAttemptAt }) => ({
      kind: "failed",
      facts: {
        blockHash,
        parentHash: blockHash,
        errorKind: "trace_cut",
        errorMessage: "cut",
        nextAttemptAt,
        ...provenance,
      },
      reorged,
    }));
}

/** What jobs do without the chain having moved. */
const ordinary = fc.oneof(
  completed(false),
  failed(false),
  times.map((now): LedgerEvent => ({ kind: "released", now })),
  times.map((now): LedgerEvent => ({ kind: "miscounted", now, message: "2 of 3" })),
);
const reorgs = fc.oneof(
  completed(true),
  failed(true),
  fc.constant<LedgerEvent>({ kind: "retracted" }),
);

/** An event, and how many writes ago its writer read the ledger. */
type Write = { readonly event: LedgerEvent; readonly late: number };
const writes = fc.array(fc.record({ event: fc.oneof(ordinary, reorgs), late: fc.nat(6) }), {
  minLength: 1,
  maxLength: 14,
});

function winnerOf(rows: readonly LedgerRow[]): LedgerRow | undefined {
  let winner: LedgerRow | undefined;
  for (const row of rows) if (winsOver(row, winner)) winner = row;
  return winner;
}

/** The row of each write, in the order of writing. */
function write(sequence: readonly Write[]): LedgerRow[] {
  const rows: LedgerRow[] = [];
  for (const { event, late } of sequence) {
    const previous = winnerOf(rows.slice(0, Math.max(0, rows.length - late)));
    rows.push(nextLedgerRow({ key, previous, event, origin }));
  }
  return rows;
}

describe("in any order of reads and writes", () => {
  test("the winner has the highest version, in whatever order the rows arrive", () => {
    fc.assert(
      fc.property(
        writes.chain((sequence) => {
          const rows = write(sequence);
          return fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }));
        }),
        ([rows, shuffled]) => {
          const [first, second] = [winnerOf(rows), winnerOf(shuffled)];
          if (!first || !second) throw new Error("some row wins");
          expect(packVersion(second)).toBe(packVersion(first));
          const rivals = rows.filter((row) => packVersion(row) === packVersion(first));
          if (rivals.length === 1) expect(second).toBe(first);
        },
      ),
    );
  });

  test("a late failure changes nothing of a complete block", () => {
    fc.assert(
      fc.property(writes, failed(false), fc.nat(6), (sequence, event, late) => {
        const rows = write(sequence);
        const before = winnerOf(rows);
        fc.pre(before?.status === "complete");
        expect(winnerOf(write([...sequence, { event, late }]))).toEqual(before);
      }),
    );
  });

  test("whoever read before a reorg was written does not bring the old branch back", () => {
    fc.assert(
      fc.property(writes, reorgs, ordinary, fc.nat(6), (sequence, event, zombie, late) => {
        const reorged = [...sequence, { event, late: 0 }];
        const winner = winnerOf(write(reorged));
        const after = write([...reorged, { event: zombie, late: late + 1 }]);
        expect(winnerOf(after)).toEqual(winner);
      }),
    );
  });

  test("of two attempts of one activity the later one's success stays, whoever writes first", () => {
    fc.assert(
      fc.property(writes, completed(false), completed(false), (sequence, one, other) => {
        if (one.kind !== "completed" || other.kind !== "completed") throw new Error("successes");
        const previous = winnerOf(write(sequence));
        const [zombie, later] = [
          { ...one, activityAttempt: 1 },
          { ...other, activityAttempt: 2 },
        ].map((event) => nextLedgerRow({ key, previous, event, origin }));
        if (!zombie || !later) throw new Error("two rows");
        expect(winsOver(later, zombie)).toBe(true);
        expect(winsOver(zombie, later)).toBe(false);
      }),
    );
  });

  test("clocks decide nothing: shifted by any time, the same rows win", () => {
    fc.assert(
      fc.property(writes, fc.array(times, { minLength: 20, maxLength: 20 }), (sequence, clock) => {
        const shifted = sequence.map((one, i) => ({
          ...one,
          event: setClock(one.event, clock[i] ?? ""),
        }));
        const versions = write(sequence).map(packVersion);
        expect(write(shifted).map(packVersion)).toEqual(versions);
      }),
    );
  });
});

/** The same event on a machine whose clock says something else. */
function setClock(event: LedgerEvent, now: string): LedgerEvent {
  if (event.kind === "released" || event.kind === "miscounted") return { ...event, now };
  if (event.kind !== "failed" || event.facts.nextAttemptAt === null) return event;
  return { ...event, facts: { ...event.facts, nextAttemptAt: now } };
}
