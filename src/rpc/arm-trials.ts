import {
  type ArmChoice,
  afterArmFailure,
  afterCost,
  afterNothing,
  startArmChoice,
  takeArm,
} from "../domain/cheaper-arm.ts";

/** A piece of work that one arm does. Only the first word on it counts. */
export type ArmTrial<Arm extends string> = {
  readonly arm: Arm;
  /** It is done. @param cost - per unit of work. */
  readonly done: (cost: number) => void;
  /** The arm itself failed. */
  readonly failed: () => void;
  /** To be called at the end, however it came: without a word before, it says nothing of the arm. */
  readonly end: () => void;
};

/** A choice between arms in the making, for work of which many pieces may be under way. */
export class ArmTrials<Arm extends string> {
  readonly #arms: readonly [Arm, ...Arm[]];
  #choice: ArmChoice<Arm>;
  #isMeasured = false;

  constructor(arms: readonly [Arm, ...Arm[]]) {
    this.#arms = arms;
    this.#choice = startArmChoice(arms);
  }

  get chosen(): Arm {
    return this.#choice.chosen;
  }

  /** Whether the arms were compared once. */
  get isMeasured(): boolean {
    return this.#isMeasured;
  }

  /** @param isMeasurable - whether the piece is such that its cost says something: others get what is chosen. */
  take(isMeasurable: boolean): ArmTrial<Arm> {
    if (!isMeasurable) return this.#unmeasured();
    const { choice, arm } = takeArm(this.#choice);
    this.#choice = choice;
    const { round } = choice;
    let isTold = false;
    const tell = (next: () => ArmChoice<Arm>) => {
      if (isTold) return;
      isTold = true;
      this.#choice = next();
      if (this.#choice.trials === null) this.#isMeasured = true;
    };
    return {
      arm,
      done: (cost) => tell(() => afterCost(this.#choice, { arm, round, cost })),
      failed: () => tell(() => afterArmFailure(this.#choice, { arm, round })),
      end: () => tell(() => afterNothing(this.#choice, { arm, round })),
    };
  }

  /** What was learnt does not hold any more. Work under way tells nothing of the new round. */
  forget(): void {
    const { round } = this.#choice;
    this.#choice = { ...startArmChoice(this.#arms), round: round + 1 };
    this.#isMeasured = false;
  }

  #unmeasured(): ArmTrial<Arm> {
    const arm = this.chosen;
    const failed = () => {
      this.#choice = afterArmFailure(this.#choice, { arm, round: -1 });
    };
    return { arm, done: () => {}, failed, end: () => {} };
  }
}
