import type { HeadPolicy } from "../domain/chain.ts";
import type { JobBudget } from "../domain/node-budget.ts";
import type { Processor } from "../domain/processor.ts";
import type { AcceptReorgRequest } from "./messages.ts";
import type { Waiting } from "./waiting.ts";

export type FollowInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  /** null: the policy of the network's configuration. */
  readonly headPolicy: HeadPolicy | null;
  /** null: go on after the highest indexed block, or at the head where there is none. */
  readonly startBlock: number | null;
  /** Set by continue-as-new only. */
  readonly state?: FollowState;
};

export type FollowState = {
  /** Where the expected range of this follow begins; null before it is known. */
  readonly firstBlock: number | null;
  readonly nextBlock: number | null;
  readonly head: number | null;
  readonly paused: boolean;
  readonly blocks: number;
  readonly rows: number;
  readonly failed: number;
  readonly reorgs: number;
  readonly startedAt: string;
  readonly lastError: string | null;
  /** A person's word that the next call acts on, and who gave it. */
  readonly accepted?: AcceptReorgRequest | null;
  /** What was decided of nodes that refused; absent: none did. */
  readonly budget?: JobBudget;
};

export type FollowProgress = Waiting & {
  readonly network: string;
  readonly headPolicy: HeadPolicy | null;
  readonly nextBlock: number | null;
  readonly head: number | null;
  readonly lag: number | null;
  readonly paused: boolean;
  readonly blocks: number;
  readonly rows: number;
  readonly failed: number;
  readonly reorgs: number;
  readonly lastError: string | null;
};
