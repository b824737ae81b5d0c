import { expect, test } from "vitest";
import { resumeFrom } from "../../../src/domain/checkpoint.ts";

test("an attempt that ended in order leaves nothing to suspect", () => {
  expect(resumeFrom(null)).toEqual({ kind: "plain" });
});

test("a block in hand is suspected at its first lost attempt and skipped at its second", () => {
  expect(resumeFrom({ blockNumber: 5, lostAttempts: 0 })).toEqual({
    kind: "suspect",
    inHand: { blockNumber: 5, lostAttempts: 1 },
  });
  expect(resumeFrom({ blockNumber: 5, lostAttempts: 1 })).toEqual({
    kind: "skip",
    inHand: { blockNumber: 5, lostAttempts: 2 },
  });
});
