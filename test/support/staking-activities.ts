import { ActivityCancellationDetails } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createBroadcastTransactions } from "../../src/activities/staking/broadcast-transactions.ts";
import { createCheckRequest } from "../../src/activities/staking/check-request.ts";
import type { StakingChain as ChainPort } from "../../src/activities/staking/ports.ts";
import { createPrepareCalls } from "../../src/activities/staking/prepare-calls.ts";
import { createReadAccount } from "../../src/activities/staking/read-account.ts";
import { createReadReceipts } from "../../src/activities/staking/read-receipts.ts";
import { createSignTransactions } from "../../src/activities/staking/sign-transactions.ts";
import { createWatchAccount } from "../../src/activities/staking/watch-account.ts";
import { callEncoder } from "../../src/staking/contract.ts";
import { openStakingChain } from "../../src/staking/open-staking-chain.ts";
import { openTransactionSigner } from "../../src/staking/transaction-signer.ts";
import type { StakeActivities } from "../../src/workflows/staking/stake-activities.ts";
import type { StakingChain } from "./staking-chain.ts";

type ChainActivities = Pick<
  StakeActivities,
  | "checkRequest"
  | "prepareCalls"
  | "readAccount"
  | "signTransactions"
  | "broadcastTransactions"
  | "watchAccount"
  | "readReceipts"
>;

/** The activities of the chain as a worker runs them, one attempt each, on a real chain through these nodes. */
export async function openStakingActivities(
  chain: StakingChain,
  options: { readonly urls?: readonly string[]; readonly confirmations?: number | null } = {},
): Promise<{ readonly activities: ChainActivities; readonly port: ChainPort }> {
  const urls = options.urls ?? [chain.url];
  const port = await openStakingChain({
    nodes: urls.map((url, at) => ({ name: `node-${at + 1}`, url, headers: {} })),
    contractAddress: chain.contracts.stakingAddress,
    chainId: chain.chainId,
    confirmations: options.confirmations ?? null,
  });
  const signer = await openTransactionSigner({
    mnemonic: null,
    mnemonicFile: null,
    privateKey: chain.signer.privateKey,
    privateKeyFile: null,
  });
  const { chainId, contractAddress } = port;
  const signing = { signer, encoder: callEncoder, chainId, contractAddress, feeCapWei };
  return {
    port,
    activities: {
      checkRequest: run(createCheckRequest({ chain: port })),
      prepareCalls: run(createPrepareCalls({ chain: port })),
      readAccount: run(createReadAccount({ chain: port })),
      signTransactions: run(createSignTransactions(signing)),
      broadcastTransactions: run(createBroadcastTransactions({ chain: port })),
      watchAccount: run(createWatchAccount({ chain: port, pollMs: 50 })),
      readReceipts: run(createReadReceipts({ chain: port })),
    },
  };
}
const feeCapWei = 100_000_000_000n;

function run<Input, Output>(activity: (input: Input) => Promise<Output>) {
  return (input: Input): Promise<Output> => runActivity(activity, input).result;
}

/** One attempt of an activity, with its heartbeats. */
export function runActivity<Input, Output>(
  activity: (input: Input) => Promise<Output>,
  input: Input,
): {
  readonly result: Promise<Output>;
  readonly heartbeats: unknown[];
  readonly cancel: () => void;
} {
  const logger = new DefaultLogger("ERROR");
  const environment = new MockActivityEnvironment({}, { logger });
  const heartbeats: unknown[] = [];
  environment.on("heartbeat", (details: unknown) => heartbeats.push(details));
  const result: Promise<Output> = environment.run(activity, input);
  result.catch(() => {});
  const cancel = () =>
    environment.cancel("CANCELLED", new ActivityCancellationDetails({ cancelRequested: true }));
  return { result, heartbeats, cancel };
}
