import * as fc from "fast-check";
import { expect, test } from "vitest";
import { faults } from "../../src/dev/fault-plan.ts";
import { diskKinds, planChaos } from "../chaos/plan.ts";

const seeds = fc.integer({ min: 0, max: 1_000_000 });

test("the same seed plans the same chaos, another one another", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const plan = planChaos({ seed, minutes: 1 });
      expect(planChaos({ seed, minutes: 1 })).toEqual(plan);
      expect(planChaos({ seed: seed + 1, minutes: 1 })).not.toEqual(plan);
    }),
  );
});

test("five minutes hold 200 faults of every kind, 20 kills and 10 reorgs, in order of time", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const plan = planChaos({ seed, minutes: 5 });
      const kinds = plan.map(({ kind }) => kind);
      expect(kinds).toEqual(expect.arrayContaining([...faults]));
      expect(kinds.filter((kind) => faults.some((fault) => fault === kind)).length).toBeGreaterThan(
        200,
      );
      expect(kinds.filter((kind) => kind.startsWith("kill")).length).toBeGreaterThanOrEqual(20);
      expect(
        kinds.filter((kind) => /reorg|shorterBranch/.test(kind)).length,
      ).toBeGreaterThanOrEqual(10);
      expect(kinds).toEqual(expect.arrayContaining([...diskKinds]));
      expect(plan.map(({ atMs }) => atMs)).toEqual(
        plan.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
      );
      expect(plan.at(-1)?.atMs).toBeLessThan(300_000);
    }),
  );
});
