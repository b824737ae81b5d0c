import type { TraceWay } from "../activities/ports.ts";
import { lightBlockGas, massiveBlockGas } from "../domain/trace-limit.ts";
import { type ArmTrial, ArmTrials } from "./arm-trials.ts";

export type Encoding = "identity" | "gzip";
/** Answers of one kind compress alike, and take the node alike long. */
export type AnswerKind = "calls" | "steps" | "stacks";

/** One answer that is asked for in an encoding. */
export type EncodedAnswer = {
  readonly encoding: Encoding;
  /** It came whole. @param bytes - decoded. */
  readonly came: (answer: { readonly ms: number; readonly bytes: number }) => void;
  /** It could not be decoded. */
  readonly broken: () => void;
  readonly end: () => void;
};

/** Below it a round trip is most of an answer's time. */
const leastBytes = 256 * 1024;
const bytesPerUnit = 1024 * 1024;
const gasPerUnit = 1_000_000;

/**
 * What the ways to ask a node for a trace cost in this process, and so which of them is taken: with stacks or without
 * where nobody needs them, compressed or not. Learnt from the blocks that are traced anyway; light blocks, and those
 * that have the node for themselves, get what is chosen and teach nothing.
 */
export class TraceCosts {
  readonly #ways = new ArmTrials(["lean", "stacks"]);
  readonly #encodings: Readonly<Record<AnswerKind, ArmTrials<Encoding>>> = {
    calls: new ArmTrials(["identity", "gzip"]),
    steps: new ArmTrials(["identity", "gzip"]),
    stacks: new ArmTrials(["identity", "gzip"]),
  };
  /** Whether it may be asked for gzip: never on a link that costs nothing, nor of a node that has none. */
  readonly #mayCompress: () => boolean;

  constructor(mayCompress: () => boolean) {
    this.#mayCompress = mayCompress;
  }

  /** The way that is taken now; null = not measured yet. */
  get way(): "lean" | "stacks" | null {
    return this.#ways.isMeasured ? this.#ways.chosen : null;
  }

  /** Whether steps are asked for compressed, in the way that is taken now; null = not measured yet. */
  get compresses(): boolean | null {
    if (!this.#mayCompress()) return false;
    const { isMeasured, chosen } =
      this.#encodings[this.#ways.chosen === "lean" ? "steps" : "stacks"];
    return isMeasured ? chosen === "gzip" : null;
  }

  /** Chooses how a block is traced whose stacks nobody needs. */
  chooseWay(gasUsed: number): TraceWay {
    const trial = this.#ways.take(isTelling(gasUsed));
    let spentMs = 0;
    return {
      stacks: trial.arm === "stacks",
      spent: (ms) => {
        spentMs += ms;
      },
      proved: () => trial.done((spentMs * gasPerUnit) / gasUsed),
      failed: trial.failed,
      end: trial.end,
    };
  }

  chooseEncoding(kind: AnswerKind, gasUsed: number | undefined): EncodedAnswer {
    if (!this.#mayCompress()) return identity;
    return toAnswer(this.#encodings[kind].take(isTelling(gasUsed)));
  }

  /** The node is another one now. */
  forget(): void {
    this.#ways.forget();
    for (const encodings of Object.values(this.#encodings)) encodings.forget();
  }
}

const identity: EncodedAnswer = {
  encoding: "identity",
  came: () => {},
  broken: () => {},
  end: () => {},
};

function toAnswer({ arm, done, failed, end }: ArmTrial<Encoding>): EncodedAnswer {
  return {
    encoding: arm,
    came: ({ ms, bytes }) => (bytes < leastBytes ? end() : done((ms * bytesPerUnit) / bytes)),
    broken: failed,
    end,
  };
}

function isTelling(gasUsed: number | undefined): boolean {
  return gasUsed !== undefined && gasUsed >= lightBlockGas && gasUsed < massiveBlockGas;
}
