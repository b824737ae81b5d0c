import { setTimeout as sleep } from "node:timers/promises";
import { cancellationSignal } from "@temporalio/activity";
import type { AccountView, StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { beating } from "../beating.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

type WatchInput = Parameters<StakeActivities["watchAccount"]>[0];
type WatchAnswer = Awaited<ReturnType<StakeActivities["watchAccount"]>>;

const defaultPollMs = 200;
/** Without a new block nothing of the account changes, but for a block that another of its number took the place of. */
const longestWithoutLookMs = 2000;

/**
 * Watches the account block by block, so that a workflow needs no timer for it; heartbeats every second and ends at
 * once when it is cancelled. A node that is away delays it: only a whole watch without an answer fails.
 * @param dependencies.pollMs - time between two questions for the head.
 */
export function createWatchAccount({
  chain,
  pollMs = defaultPollMs,
}: {
  readonly chain: StakingChain;
  readonly pollMs?: number;
}): StakeActivities["watchAccount"] {
  return beating(async function watchAccount(input: WatchInput): Promise<WatchAnswer> {
    assertChain(chain, input.chainId);
    const signal = cancellationSignal();
    const endsAt = Date.now() + input.maximumSeconds * 1000;
    let last: AccountView | null = null;
    for (;;) {
      const isLastLook = Date.now() + pollMs >= endsAt;
      try {
        const account = await chain.account(input.address, signal);
        const hasNewHead = account.headNumber !== last?.headNumber;
        const blocks = hasNewHead ? input.minedBlocks : highestOf(input.minedBlocks);
        const reorgedBlocks = await chain.reorgedBlocks(blocks, signal);
        last = account;
        if (isLastLook || reorgedBlocks.length > 0 || hasMoved(account, input)) {
          return { account, reorgedBlocks };
        }
      } catch (error) {
        signal.throwIfAborted();
        if (isLastLook && last === null) throw error;
        if (isLastLook && last !== null) return { account: last, reorgedBlocks: [] };
      }
      const nextLookAt = Math.min(Date.now() + longestWithoutLookMs, endsAt - pollMs);
      await untilNewHead({ chain, pollMs, head: last?.headNumber ?? null, nextLookAt, signal });
    }
  });
}

/** Waits at least one interval; a node that does not tell its head is looked at when it is time. */
async function untilNewHead(wait: {
  readonly chain: StakingChain;
  readonly pollMs: number;
  readonly head: number | null;
  readonly nextLookAt: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { chain, pollMs, head, nextLookAt, signal } = wait;
  do {
    await sleep(pollMs, undefined, { signal });
    const now = await chain.headNumber(signal).catch(() => head);
    signal.throwIfAborted();
    if (now !== head) return;
  } while (Date.now() < nextLookAt);
}

/** Enough at a head of the same number: the blocks below stand or fall with it. */
function highestOf(blocks: WatchInput["minedBlocks"]): WatchInput["minedBlocks"] {
  return blocks.toSorted((a, b) => b.number - a.number).slice(0, 1);
}

function hasMoved(account: AccountView, input: WatchInput): boolean {
  return account.latestNonce !== input.latestNonce || account.finalNonce !== input.finalNonce;
}
