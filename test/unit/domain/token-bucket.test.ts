import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BucketPolicy,
  bucketPolicy,
  fullBucket,
  mostAtOnce,
  takeTokens,
  waitFor,
} from "../../../src/domain/token-bucket.ts";

type Asked = { readonly atMs: number; readonly cost: number; readonly isHead: boolean };
type Given = { readonly givenMs: number; readonly cost: number; readonly isHead: boolean };

/** What a queue at a bucket does: each lane in its order, the head's first; a request is given at its moment. */
function serve(policy: BucketPolicy, asked: readonly Asked[]): Given[] {
  const waiting = asked.toSorted((a, b) => a.atMs - b.atMs);
  const given: Given[] = [];
  let bucket = fullBucket(policy, 0);
  let nowMs = 0;
  while (waiting.length > 0) {
    const here = waiting.filter(({ atMs }) => atMs <= nowMs);
    const next = here.find(({ isHead }) => isHead) ?? here[0];
    const waitMs = next ? waitFor(policy, bucket, { ...next, nowMs }) : Number.POSITIVE_INFINITY;
    if (next && waitMs === 0) {
      bucket = takeTokens(policy, bucket, { cost: next.cost, nowMs });
      given.push({ givenMs: nowMs, cost: next.cost, isHead: next.isHead });
      waiting.splice(waiting.indexOf(next), 1);
      continue;
    }
    const arrivals = waiting.map(({ atMs }) => atMs).filter((atMs) => atMs > nowMs);
    nowMs = Math.min(...arrivals, nowMs + waitMs + 1e-6);
  }
  return given;
}

const rate = fc.integer({ min: 1, max: 100 });
const askedBy = (ratePerSecond: number) =>
  fc
    .array(
      fc.record({ atMs: fc.integer({ min: 0, max: 5000 }), isHead: fc.boolean(), large: fc.nat() }),
      { maxLength: 120 },
    )
    .map((all) =>
      all.map(({ atMs, isHead, large }) => {
        const most = mostAtOnce(bucketPolicy(ratePerSecond), isHead);
        return { atMs, isHead, cost: 1 + (large % most) };
      }),
    );
const flood = rate.chain((ratePerSecond) =>
  askedBy(ratePerSecond).map((asked) => ({ ratePerSecond, asked })),
);

describe("requests a second", () => {
  test("are never more in any window than its rate and one burst", () => {
    fc.assert(
      fc.property(flood, ({ ratePerSecond, asked }) => {
        const policy = bucketPolicy(ratePerSecond);
        const given = serve(policy, asked);
        expect(given.length).toBe(asked.length);
        for (const [first, { givenMs: fromMs }] of given.entries()) {
          let sum = 0;
          for (const { givenMs, cost } of given.slice(first)) {
            sum += cost;
            const allowed = policy.burst + ((givenMs - fromMs) / 1000) * ratePerSecond;
            expect(sum).toBeLessThanOrEqual(allowed + 1e-6);
          }
        }
      }),
    );
  });

  test("are given to the head as if nobody else asked: a flood never delays it within its reserve", () => {
    fc.assert(
      fc.property(flood, ({ ratePerSecond, asked }) => {
        const policy = bucketPolicy(ratePerSecond);
        const small = asked.map((one) =>
          one.isHead ? { ...one, cost: Math.min(one.cost, policy.reserve) } : one,
        );
        const own = { ratePerSecond, burst: policy.reserve, reserve: 0 };
        const alone = serve(
          own,
          small.filter(({ isHead }) => isHead),
        );
        const among = serve(policy, small).filter(({ isHead }) => isHead);
        for (const [index, { givenMs }] of among.entries()) {
          expect(givenMs).toBeLessThanOrEqual((alone[index]?.givenMs ?? 0) + 0.01);
        }
      }),
    );
  });

  test("leave something to everybody at the lowest rate", () => {
    const policy = bucketPolicy(1);
    expect([mostAtOnce(policy, true), mostAtOnce(policy, false)]).toEqual([2, 1]);
    const bucket = takeTokens(policy, fullBucket(policy, 0), { cost: 1, nowMs: 0 });
    expect(waitFor(policy, bucket, { cost: 1, isHead: true, nowMs: 0 })).toBe(0);
    expect(waitFor(policy, bucket, { cost: 1, isHead: false, nowMs: 0 })).toBe(1000);
  });
});
