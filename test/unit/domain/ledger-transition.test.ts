import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Hex } from "../../../src/domain/chain.ts";
import { type LedgerRow, packVersion } from "../../../src/domain/ledger.ts";
import {
  attemptsAfterFailure,
  type LedgerEvent,
  nextLedgerRow,
  winsOver,
} from "../../../src/domain/ledger-transition.ts";

const key = { network: "net", processor: "structlog", blockNumber: 7 } as const;
const origin = { workflowId: "w", runId: "r", reason: "why", actor: "who" };
const hashA: Hex = `0x${"a".repeat(64)}`;
const hashB: Hex = `0x${"b".repeat(64)}`;
const provenance = {
  node: "n",
  clientVersion: "v",
  decoderVersion: 1,
  durationMs: 1,
  traceBytes: 2,
};

function completed({ reorged = false, blockHash = hashA, activityAttempt = 1 } = {}): LedgerEvent {
  const facts = {
    blockHash,
    parentHash: hashA,
    attemptId: "9",
    transactionCount: 1,
    structlogCount: 2,
    rowCount: 3,
    proof: "proven",
    proofDetail: "{}",
    ...provenance,
  } as const;
  return { kind: "completed", facts, reorged, activityAttempt };
}

function failed({
  reorged = false,
  nextAttemptAt = "2026-01-01T00:00:00.000Z",
}: {
  reorged?: boolean;
  nextAttemptAt?: string | null;
} = {}): LedgerEvent {
  const facts = {
    blockHash: hashA,
    parentHash: hashA,
    errorKind: "trace_cut",
    errorMessage: "cut",
    nextAttemptAt,
    ...provenance,
  };
  return { kind: "failed", facts, reorged };
}

const released: LedgerEvent = { kind: "released", now: "2026-01-02T00:00:00.000Z" };
const miscounted: LedgerEvent = {
  kind: "miscounted",
  now: "2026-01-02T00:00:00.000Z",
  message: "2 of 3",
};

function success(activityAttempt: number, blockHash: Hex): LedgerRow {
  const event = completed({ activityAttempt, blockHash });
  return nextLedgerRow({ key, previous: undefined, event, origin });
}

/** Applies events one after the other, each to the winner of all before. */
function replay(events: readonly LedgerEvent[]): LedgerRow | undefined {
  let winner: LedgerRow | undefined;
  for (const event of events) {
    const next = nextLedgerRow({ key, previous: winner, event, origin });
    if (winsOver(next, winner)) winner = next;
  }
  return winner;
}

describe("the generation", () => {
  test("stays when a first try, a retry after a failure, or one after a retraction completes", () => {
    expect(replay([completed()])).toMatchObject({ status: "complete", generation: 0, attempts: 1 });
    expect(replay([failed(), completed()])).toMatchObject({
      status: "complete",
      generation: 0,
      attempts: 2,
    });
    expect(replay([completed(), { kind: "retracted" }, completed()])).toMatchObject({
      status: "complete",
      generation: 2,
    });
  });

  test("is raised by a requeue that succeeded, a reorg, a release and a miscount", () => {
    expect(replay([completed(), completed()])).toMatchObject({ status: "complete", generation: 1 });
    expect(replay([completed(), completed({ reorged: true, blockHash: hashB })])).toMatchObject({
      blockHash: hashB,
      generation: 2,
      attempts: 1,
    });
    expect(replay([failed({ nextAttemptAt: null }), released])).toMatchObject({
      status: "failed",
      attempts: 0,
      generation: 1,
      nextAttemptAt: released.kind === "released" && released.now,
      errorKind: "trace_cut",
    });
    expect(replay([completed(), miscounted])).toMatchObject({
      status: "failed",
      generation: 1,
      errorKind: "row_count_mismatch",
      attemptId: "0",
    });
  });
});

describe("a success", () => {
  test("of a later attempt of the activity wins over that of a zombie, in either order", () => {
    const zombie = success(1, hashA);
    const later = success(2, hashB);
    expect(winsOver(later, zombie)).toBe(true);
    expect(winsOver(zombie, later)).toBe(false);
  });
});

describe("a failure", () => {
  test("counts attempts, and never covers a complete block", () => {
    expect(replay([failed(), failed()])).toMatchObject({ status: "failed", attempts: 2 });
    expect(replay([completed(), failed()])).toMatchObject({ status: "complete", attemptId: "9" });
  });

  test("that was read before another attempt completed never covers that", () => {
    const before = replay([failed()]);
    const late = nextLedgerRow({ key, previous: before, event: failed(), origin });
    expect(winsOver(late, replay([failed(), completed()]))).toBe(false);
  });

  test("leaves a quarantined block in quarantine", () => {
    const again = replay([failed({ nextAttemptAt: null }), failed()]);
    expect(again).toMatchObject({ status: "quarantined", attempts: 2, nextAttemptAt: null });
  });

  test("on a new branch takes the old branch's rows away", () => {
    expect(replay([completed(), failed({ reorged: true })])).toMatchObject({
      status: "failed",
      generation: 2,
      attempts: 1,
    });
  });

  test("of a requeue counts as the first of its own", () => {
    expect(attemptsAfterFailure(replay([failed(), completed()]), false)).toBe(1);
    expect(attemptsAfterFailure(replay([failed(), failed()]), false)).toBe(3);
  });
});

describe("any sequence of events", () => {
  const events = fc.array(
    fc.constantFrom<LedgerEvent>(
      completed(),
      completed({ reorged: true }),
      failed(),
      failed({ nextAttemptAt: null }),
      failed({ reorged: true }),
      released,
      miscounted,
      { kind: "retracted" },
    ),
    { maxLength: 12 },
  );

  test("never lowers the version, and names an attempt only where the block is complete", () => {
    fc.assert(
      fc.property(events, (sequence) => {
        let highest = 0n;
        for (let length = 1; length <= sequence.length; length += 1) {
          const winner = replay(sequence.slice(0, length));
          if (!winner) throw new Error("an event makes a row");
          expect(packVersion(winner)).toBeGreaterThanOrEqual(highest);
          expect(winner.attemptId === "0").toBe(winner.status !== "complete");
          highest = packVersion(winner);
        }
      }),
    );
  });

  test("ends complete when it ends with a success", () => {
    fc.assert(
      fc.property(events, (sequence) => {
        expect(replay([...sequence, completed()])?.status).toBe("complete");
      }),
    );
  });
});
