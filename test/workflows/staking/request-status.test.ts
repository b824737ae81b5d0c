import { describe, expect, test } from "vitest";
import { nextCheckMs } from "../../../src/workflows/staking/request-status.ts";

const nowMs = Date.parse("2026-11-24T12:00:00.000Z");
const iso = (ms: number) => new Date(ms).toISOString();

describe("when a waiting request is looked at again", () => {
  test("at the date that the check named", () => {
    expect(nextCheckMs(iso(nowMs + 86_400_000), 7, nowMs)).toBe(nowMs + 86_400_000);
    expect(nextCheckMs(iso(nowMs + 1), 7, nowMs)).toBe(nowMs + 1000);
  });

  test.each([
    ["no date", null],
    ["a date that has passed, on a chain whose clock stands still", iso(nowMs - 3_600_000)],
    ["a date that is now", iso(nowMs)],
  ])("ever more seldom, where there is %s", (_, notBefore) => {
    const waits = [0, 1, 2, 3, 20].map((checks) => nextCheckMs(notBefore, checks, nowMs) - nowMs);
    expect(waits).toEqual([5000, 10_000, 20_000, 40_000, 300_000]);
  });
});
