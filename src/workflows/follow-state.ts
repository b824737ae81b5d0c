import type { FollowState } from "./follow-shapes.ts";
import type { IndexBlocksResult } from "./index-activities.ts";

/** What a follow knows when it starts. */
export function startFollowState(now: Date): FollowState {
  return {
    firstBlock: null,
    nextBlock: null,
    head: null,
    paused: false,
    blocks: 0,
    rows: 0,
    failed: 0,
    reorgs: 0,
    startedAt: now.toISOString(),
    lastError: null,
  };
}

/** What it knows after a call; a head that the call did not see stays as it was. */
export function withResult(state: FollowState, result: IndexBlocksResult): FollowState {
  const last = result.failed.at(-1);
  return {
    ...state,
    nextBlock: result.nextBlock,
    head: result.head ?? state.head,
    blocks: state.blocks + result.blocks,
    rows: state.rows + result.rows,
    failed: state.failed + result.failedCount,
    reorgs: state.reorgs + result.reorgs.length,
    lastError: last ? `block ${last.blockNumber}: ${last.kind}: ${last.reason}` : state.lastError,
  };
}
