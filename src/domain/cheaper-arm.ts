/**
 * Which of several ways ("arms") to do the same work costs less, learnt from the work itself: in a round each arm does
 * a few pieces, the medians are compared, and the cheaper one does what follows until the next round. Pure and
 * deterministic; what a piece costs is the caller's measure, in any unit per unit of work.
 */
export type ArmChoice<Arm extends string> = {
  /** The first one is chosen while nothing is known, and never given up for a failure. */
  readonly arms: readonly Arm[];
  readonly chosen: Arm;
  /** Counts rounds: a cost that is told after its round says nothing any more. */
  readonly round: number;
  /** What each arm has in this round; null between two rounds. */
  readonly trials: Trials<Arm> | null;
  /** Pieces of work until the next round begins. */
  readonly untilRound: number;
  /** The pause after the next round that confirms the choice. */
  readonly pause: number;
};

type Trials<Arm extends string> = ReadonlyMap<Arm, ArmTrials>;
type ArmTrials = { readonly underWay: number; readonly costs: readonly number[] };

/** One accident among so many does not move their median. */
export const trialsOfRound = 3;
/** So much cheaper another arm must be: noise does not make the choice swing. */
export const hysteresis = 0.2;
/** Pieces of work between two rounds; doubled by each round that confirms the choice. */
export const firstPause = 256;
export const longestPause = 8192;

/** @param arms - at least one, each once; the first is chosen until another has shown to be cheaper. */
export function startArmChoice<Arm extends string>(arms: readonly [Arm, ...Arm[]]): ArmChoice<Arm> {
  const base = { arms, chosen: arms[0], round: 0, trials: null, untilRound: 0, pause: firstPause };
  return beginRound(base);
}

/** Takes a piece of work: the arm that does it. What comes of it is told under `round`. */
export function takeArm<Arm extends string>(
  before: ArmChoice<Arm>,
): { readonly choice: ArmChoice<Arm>; readonly arm: Arm } {
  if (before.trials === null) {
    if (before.untilRound > 1) {
      return { choice: { ...before, untilRound: before.untilRound - 1 }, arm: before.chosen };
    }
    return takeArm(beginRound(before));
  }
  const arm = armToTry(before, before.trials);
  return { choice: withTrials(before, before.trials, arm, { underWay: 1 }), arm };
}

/** A piece of work is done. @param cost - per unit of work, 0 or more. */
export function afterCost<Arm extends string>(
  before: ArmChoice<Arm>,
  { arm, round, cost }: { readonly arm: Arm; readonly round: number; readonly cost: number },
): ArmChoice<Arm> {
  if (before.trials === null || round !== before.round) return before;
  return decide(withTrials(before, before.trials, arm, { underWay: -1, cost }));
}

/** A piece of work came to nothing, or was too small to say anything. */
export function afterNothing<Arm extends string>(
  before: ArmChoice<Arm>,
  { arm, round }: { readonly arm: Arm; readonly round: number },
): ArmChoice<Arm> {
  if (before.trials === null || round !== before.round) return before;
  return withTrials(before, before.trials, arm, { underWay: -1 });
}

/** An arm failed by itself: it is left until the next round, whatever it cost before. The first one is what remains. */
export function afterArmFailure<Arm extends string>(
  before: ArmChoice<Arm>,
  { arm, round }: { readonly arm: Arm; readonly round: number },
): ArmChoice<Arm> {
  const [first] = before.arms;
  if (first === undefined || arm === first) return afterNothing(before, { arm, round });
  const kept = before.chosen === arm ? { ...before, chosen: first } : before;
  if (kept.trials === null || round !== kept.round) return kept;
  const costs = Array.from({ length: trialsOfRound }, () => Number.POSITIVE_INFINITY);
  return decide({ ...kept, trials: new Map(kept.trials).set(arm, { underWay: 0, costs }) });
}

function beginRound<Arm extends string>(before: ArmChoice<Arm>): ArmChoice<Arm> {
  return { ...before, round: before.round + 1, trials: new Map(), untilRound: 0 };
}

/** Arms take turns, so that all see the same load; who has enough under way waits for the others. */
function armToTry<Arm extends string>({ arms, chosen }: ArmChoice<Arm>, trials: Trials<Arm>): Arm {
  const given = (arm: Arm) => {
    const { underWay, costs } = trialsOf(trials, arm);
    return underWay + costs.length;
  };
  const fewest = arms.reduce((best, arm) => (given(arm) < given(best) ? arm : best), chosen);
  return given(fewest) < trialsOfRound ? fewest : chosen;
}

function withTrials<Arm extends string>(
  before: ArmChoice<Arm>,
  trials: Trials<Arm>,
  arm: Arm,
  { underWay, cost }: { readonly underWay: number; readonly cost?: number },
): ArmChoice<Arm> {
  const own = trialsOf(trials, arm);
  const after: ArmTrials = {
    underWay: Math.max(0, own.underWay + underWay),
    costs: cost === undefined ? own.costs : [...own.costs, cost],
  };
  return { ...before, trials: new Map(trials).set(arm, after) };
}

/** Ends the round once every arm has shown enough. */
function decide<Arm extends string>(before: ArmChoice<Arm>): ArmChoice<Arm> {
  const { arms, chosen, trials, pause } = before;
  if (trials === null) return before;
  if (arms.some((arm) => trialsOf(trials, arm).costs.length < trialsOfRound)) return before;
  const median = (arm: Arm) => medianOf(trialsOf(trials, arm).costs);
  const cheapest = arms.reduce((best, arm) => (median(arm) < median(best) ? arm : best), chosen);
  return median(cheapest) < (1 - hysteresis) * median(chosen)
    ? { ...before, chosen: cheapest, trials: null, untilRound: firstPause, pause: firstPause * 2 }
    : { ...before, trials: null, untilRound: pause, pause: Math.min(pause * 2, longestPause) };
}

const noTrials: ArmTrials = { underWay: 0, costs: [] };

function trialsOf<Arm extends string>(trials: Trials<Arm>, arm: Arm): ArmTrials {
  return trials.get(arm) ?? noTrials;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.POSITIVE_INFINITY;
}
