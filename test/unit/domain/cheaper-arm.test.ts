import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ArmChoice,
  afterArmFailure,
  afterCost,
  afterNothing,
  firstPause,
  hysteresis,
  longestPause,
  startArmChoice,
  takeArm,
  trialsOfRound,
} from "../../../src/domain/cheaper-arm.ts";

type Arm = "lean" | "stacks" | "other";
type Costs = Partial<Record<Arm, number>>;

const ways = (): ArmChoice<Arm> => startArmChoice<Arm>(["lean", "stacks"]);

/** Does pieces of work one after another; the arms that did them. */
function work(start: ArmChoice<Arm>, pieces: number, costOf: (arm: Arm, piece: number) => number) {
  let choice = start;
  const arms: Arm[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    const taken = takeArm(choice);
    const { arm } = taken;
    arms.push(arm);
    choice = afterCost(taken.choice, {
      arm,
      round: taken.choice.round,
      cost: costOf(arm, piece),
    });
  }
  return { choice, arms };
}

const withAccident = (arm: Arm, piece: number) =>
  piece === 0 ? 1_000 : by({ lean: 1, stacks: 2 })(arm);
const by = (costs: Costs) => (arm: Arm) => costs[arm] ?? 1;
const cost = fc.double({ min: 0.001, max: 1_000, noNaN: true });
/** Never moves a median across the hysteresis of costs three times apart. */
const noise = fc.array(fc.double({ min: 0.8, max: 1.2, noNaN: true }), {
  minLength: 7,
  maxLength: 30,
});

describe("the cheaper of two ways", () => {
  test("each is tried on a few pieces in turn, then the cheaper one does the rest", () => {
    const { arms } = work(ways(), 12, by({ lean: 10, stacks: 2 }));
    const trials: Arm[] = ["lean", "stacks", "lean", "stacks", "lean", "stacks"];
    expect(arms).toEqual([...trials, ...Array.from({ length: 6 }, () => "stacks")]);
  });

  test("is found whatever they cost, through noise, and kept from then on", () => {
    fc.assert(
      fc.property(cost, fc.boolean(), noise, (base, isStacks, factors) => {
        const costs = isStacks
          ? { lean: base * 3, stacks: base }
          : { lean: base, stacks: base * 3 };
        const cheaper = isStacks ? "stacks" : "lean";
        const noisy = (arm: Arm, piece: number) =>
          by(costs)(arm) * (factors[piece % factors.length] ?? 1);
        const first = work(ways(), 2 * trialsOfRound, noisy);
        expect(first.choice.chosen).toBe(cheaper);
        expect(work(first.choice, 5_000, noisy).choice.chosen).toBe(cheaper);
      }),
      { numRuns: 50 },
    );
  });

  test("is left only for one that is clearly cheaper", () => {
    fc.assert(
      fc.property(cost, fc.double({ min: 1 - hysteresis, max: 3, noNaN: true }), (base, share) => {
        const { choice } = work(ways(), 3_000, by({ lean: base, stacks: base * share }));
        expect(choice.chosen).toBe("lean");
      }),
      { numRuns: 50 },
    );
  });

  test("is tried again ever more rarely while it is confirmed, but never forgotten", () => {
    const pieces = 60_000;
    const { arms } = work(ways(), pieces, by({ lean: 1, stacks: 3 }));
    const trials = arms.flatMap((arm, at) => (arm === "stacks" ? [at] : []));
    const gaps = trials.slice(1).map((at, index) => at - (trials[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(longestPause + 2 * trialsOfRound);
    expect(trials.length).toBeLessThanOrEqual(trialsOfRound * 13);
    expect(trials.at(-1)).toBeGreaterThan(pieces - 2 * longestPause);
  });

  test("changes after the next round when a node's costs have changed, and is watched closely then", () => {
    const before = work(ways(), 20, by({ lean: 1, stacks: 3 })).choice;
    const after = work(before, firstPause + 2 * trialsOfRound, by({ lean: 3, stacks: 1 }));
    expect(after.choice.chosen).toBe("stacks");
    expect(after.choice.untilRound).toBeLessThanOrEqual(firstPause);
  });

  test("one accident in a round decides nothing", () => {
    expect(work(ways(), 20, withAccident).choice.chosen).toBe("lean");
  });
});

describe("pieces of work that are under way at once", () => {
  test("are no more trials than a round needs, in any order of ends", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant({ kind: "take" as const }) },
      fc.record({
        kind: fc.constantFrom("cost" as const, "nothing" as const),
        at: fc.nat({ max: 50 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let choice = ways();
        const underWay: { arm: Arm; round: number }[] = [];
        for (const one of steps) {
          if (one.kind === "take") {
            const taken = takeArm(choice);
            choice = taken.choice;
            underWay.push({ arm: taken.arm, round: choice.round });
          } else if (underWay.length > 0) {
            const [ended] = underWay.splice(one.at % underWay.length, 1);
            if (!ended) continue;
            choice =
              one.kind === "cost"
                ? afterCost(choice, { ...ended, cost: ended.arm === "lean" ? 1 : 3 })
                : afterNothing(choice, ended);
          }
          const tried = underWay.filter(
            ({ arm, round }) => arm !== choice.chosen && round === choice.round,
          );
          expect(tried.length).toBeLessThanOrEqual(trialsOfRound);
          expect(choice.chosen).toBe("lean");
        }
      }),
    );
  });

  test("what comes to nothing is tried again", () => {
    let choice = ways();
    for (let piece = 0; piece < 20; piece += 1) {
      const taken = takeArm(choice);
      choice = afterNothing(taken.choice, { arm: taken.arm, round: taken.choice.round });
    }
    expect(work(choice, 6, by({ lean: 3, stacks: 1 })).choice.chosen).toBe("stacks");
  });

  test("a cost that comes after its round is not counted", () => {
    const taken = takeArm(ways());
    const { round } = taken.choice;
    const later = work(taken.choice, 8, by({ lean: 3, stacks: 1 })).choice;
    expect(afterCost(later, { arm: taken.arm, round, cost: 0 })).toBe(later);
  });
});

describe("an arm that fails", () => {
  test("is left until the next round, and its round ends without it", () => {
    let choice = ways();
    const arms: Arm[] = [];
    for (let piece = 0; piece < 20; piece += 1) {
      const taken = takeArm(choice);
      const of = { arm: taken.arm, round: taken.choice.round };
      arms.push(taken.arm);
      choice =
        taken.arm === "stacks"
          ? afterArmFailure(taken.choice, of)
          : afterCost(taken.choice, { ...of, cost: 5 });
    }
    expect(arms.filter((arm) => arm === "stacks")).toHaveLength(1);
    expect(choice.chosen).toBe("lean");
  });

  test("gives its place to the first one, also between two rounds", () => {
    const { choice } = work(ways(), 10, by({ lean: 3, stacks: 1 }));
    expect(choice.chosen).toBe("stacks");
    const failed = afterArmFailure(choice, { arm: "stacks", round: choice.round });
    expect(failed.chosen).toBe("lean");
  });

  test("is kept where it is the first: there is nothing safer to fall back to", () => {
    const { choice } = work(ways(), 10, by({ lean: 1, stacks: 3 }));
    expect(afterArmFailure(choice, { arm: "lean", round: choice.round }).chosen).toBe("lean");
  });
});

test("a single arm does everything", () => {
  const { arms, choice } = work(startArmChoice<Arm>(["other"]), 1_000, () => 1);
  expect(new Set(arms)).toEqual(new Set(["other"]));
  expect(choice.chosen).toBe("other");
});
