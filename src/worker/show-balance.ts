import { setTimeout as sleep } from "node:timers/promises";
import type { StakingChain } from "../activities/staking/ports.ts";
import type { Hex } from "../domain/chain.ts";
import type { WorkerProcess } from "./worker-process.ts";

const everyMsDefault = 60_000;

/**
 * Shows the account's balance until the process is told to stop: the signer looks at it only while it has something to
 * do, and an account that runs dry meanwhile should be known before the next request comes. Never throws.
 * @param everyMs - time between two looks; a node that is away is asked again at the next.
 */
export async function showBalance(
  {
    meters,
    signal,
  }: Pick<WorkerProcess, "signal"> & {
    readonly meters: Pick<WorkerProcess["meters"], "signerBalance">;
  },
  chain: Pick<StakingChain, "chainId" | "account">,
  address: Hex,
  everyMs = everyMsDefault,
): Promise<void> {
  while (!signal.aborted) {
    const view = await chain.account(address, signal).catch(() => null);
    if (view !== null) meters.signerBalance(chain.chainId, address, view.balanceWei);
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
