import { Client, Connection, type WorkflowHandle } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import { createBroadcastTransactions } from "../../../src/activities/staking/broadcast-transactions.ts";
import { createCheckRequest } from "../../../src/activities/staking/check-request.ts";
import { createPrepareCalls } from "../../../src/activities/staking/prepare-calls.ts";
import { createReadReceipts } from "../../../src/activities/staking/read-receipts.ts";
import { createSignTransactions } from "../../../src/activities/staking/sign-transactions.ts";
import { createWatchAccount } from "../../../src/activities/staking/watch-account.ts";
import { StopList } from "../../../src/dev/stop-list.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { callEncoder } from "../../../src/staking/contract.ts";
import { openStakingChain } from "../../../src/staking/open-staking-chain.ts";
import { openTransactionSigner } from "../../../src/staking/transaction-signer.ts";
import {
  type SignerPolicy,
  signerPolicyDefaults,
  stakeTaskQueues,
  stakeWorkflowIds,
  stakeWorkflowTypes,
} from "../../../src/workflows/staking/messages.ts";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";
import type {
  StakeActivities,
  StakeTransactionRecord,
} from "../../../src/workflows/staking/stake-activities.ts";
import { type StakingChain, startStakingChain } from "../../support/staking-chain.ts";
import { outcomeOf } from "../../support/staking-env.ts";
import { startTestTemporal } from "../../support/temporal.ts";
import { untilQuery } from "../../support/workflow-env.ts";
import { quietRuntime, stakingBundle } from "../../support/workflow-runtime.ts";

/** One signer on a real chain with the real contracts; blocks come only when they are asked for. */
export type SignerDesk = {
  readonly chain: StakingChain;
  readonly signer: WorkflowHandle;
  /** What the signer wrote of its transactions, signed bytes included. */
  readonly records: readonly StakeTransactionRecord[];
  /** Gas limits are multiplied by it, as a wrong estimate would. */
  gasFactor: number;
  readonly ask: (call: StakeCall) => Promise<WorkflowHandle>;
  readonly setPolicy: (change: Partial<SignerPolicy>) => Promise<void>;
  readonly untilSigner: (accept: (status: SignerStatus) => boolean) => Promise<SignerStatus>;
  /** Waits until the newest slot's newest attempt was sent. */
  readonly untilSent: () => Promise<SignerStatus>;
  /** Mines block after block until the request has ended and all slots are final. */
  readonly finish: (request: WorkflowHandle) => ReturnType<typeof outcomeOf>;
  /** Transactions of the account in the chain. */
  readonly nonceOfChain: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

/** Sent again after a second; nothing is bumped by age unless a test says so. */
const policy: SignerPolicy = {
  ...signerPolicyDefaults,
  rebroadcastAfterMs: 1000,
  bumpAfterMs: 3_600_000,
};
const feeCapWei = 100_000_000_000n;

export async function startSignerDesk(): Promise<SignerDesk> {
  quietRuntime();
  const stops = new StopList();
  try {
    const [chain, temporal] = await Promise.all([startStakingChain(), startTestTemporal()]);
    stops.add(chain.stop);
    stops.add(temporal.stop);
    const connection = await Connection.connect({ address: temporal.address });
    stops.add(() => connection.close());
    const client = new Client({ connection, namespace: temporal.namespace });
    const native = await NativeConnection.connect({ address: temporal.address });
    stops.add(() => native.close());
    const desk = await openDesk(chain, client, native, stops);
    await chain.automine(false);
    return desk;
  } catch (error) {
    await stops.stopAll();
    throw error;
  }
}

async function openDesk(
  chain: StakingChain,
  client: Client,
  native: NativeConnection,
  stops: StopList,
): Promise<SignerDesk> {
  const { chainId } = chain;
  const { address } = chain.signer;
  const taskQueue = stakeTaskQueues.transactions(chainId);
  const workflowId = stakeWorkflowIds.signer(chainId, address);
  const startSigner = () =>
    client.workflow.start(stakeWorkflowTypes.signer, {
      workflowId,
      taskQueue,
      workflowIdConflictPolicy: "USE_EXISTING",
      args: [{ v: 1, chainId, address, policy }],
    });
  const signer = await startSigner();
  const records: StakeTransactionRecord[] = [];
  const status = () => signer.query<SignerStatus>("status");
  let asked = 0;
  const desk: SignerDesk = {
    chain,
    signer,
    records,
    gasFactor: 1,
    ask: (call) => {
      asked += 1;
      return client.workflow.start(stakeWorkflowTypes.request, {
        workflowId: `stake/${chainId}/${asked}`,
        taskQueue,
        args: [requestInput(chain, call)],
      });
    },
    setPolicy: async (change) => {
      await signer.executeUpdate("setPolicy", { args: [{ ...policy, ...change }] });
    },
    untilSigner: (accept) => untilQuery(signer, "status", accept),
    untilSent: () =>
      untilQuery(
        signer,
        "status",
        ({ slots }: SignerStatus) => slots.at(-1)?.stage === "broadcast",
      ),
    finish: async (request) => {
      let isDone = false;
      const outcome = outcomeOf(request).finally(() => {
        isDone = true;
      });
      const mining = waitUntil(
        async () => {
          await chain.mine();
          return isDone && (await status()).slots.length === 0;
        },
        { what: "all slots to be final", everyMs: 150 },
      );
      await Promise.all([outcome, mining]);
      return outcome;
    },
    nonceOfChain: async () =>
      Number(await chain.rpc("eth_getTransactionCount", [address, "latest"])),
    stop: () => stops.stopAll(),
  };
  await startWorkers(native, stops, chainId, {
    ...(await chainActivities(chain, () => desk.gasFactor)),
    ensureSigner: async () => void (await startSigner()),
    recordRequest: async () => {},
    recordTransactions: async ({ items }) => void records.push(...items),
    noteEntity: async () => {},
    announceStake: async () => {},
  });
  return desk;
}

function requestInput(chain: StakingChain, call: StakeCall): object {
  return {
    v: 1,
    chainId: chain.chainId,
    call,
    signer: chain.signer.address,
    source: "client",
    actor: "vitest",
    receivedAt: new Date().toISOString(),
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    entity: null,
  };
}

type Activities = Omit<StakeActivities, "pumpStream" | "readAccount">;

async function chainActivities(
  chain: StakingChain,
  gasFactor: () => number,
): Promise<
  Pick<
    Activities,
    | "checkRequest"
    | "prepareCalls"
    | "signTransactions"
    | "broadcastTransactions"
    | "watchAccount"
    | "readReceipts"
  >
> {
  const port = await openStakingChain({
    nodes: [{ name: "anvil", url: chain.url, headers: {} }],
    contractAddress: chain.contracts.stakingAddress,
    chainId: chain.chainId,
    confirmations: null,
  });
  const key = await openTransactionSigner({
    mnemonic: null,
    mnemonicFile: null,
    privateKey: chain.signer.privateKey,
    privateKeyFile: null,
  });
  const { chainId, contractAddress } = port;
  const prepare = createPrepareCalls({ chain: port });
  return {
    checkRequest: createCheckRequest({ chain: port }),
    prepareCalls: async (input) => {
      const { account, items } = await prepare(input);
      return { account, items: items.map((item) => shrinkGas(item, gasFactor())) };
    },
    signTransactions: createSignTransactions({
      signer: key,
      encoder: callEncoder,
      chainId,
      contractAddress,
      feeCapWei,
    }),
    broadcastTransactions: createBroadcastTransactions({ chain: port }),
    watchAccount: createWatchAccount({ chain: port, pollMs: 50 }),
    readReceipts: createReadReceipts({ chain: port }),
  };
}

type PreparedItem = Awaited<ReturnType<StakeActivities["prepareCalls"]>>["items"][number];

function shrinkGas(item: PreparedItem, factor: number): PreparedItem {
  if (item.verdict.kind !== "ready") return item;
  const gasLimit = String(Math.floor(Number(item.verdict.gasLimit) * factor));
  return { ...item, verdict: { ...item.verdict, gasLimit } };
}

async function startWorkers(
  native: NativeConnection,
  stops: StopList,
  chainId: number,
  { signTransactions, ...others }: Activities,
): Promise<void> {
  const common = { connection: native, maxHeartbeatThrottleInterval: "100ms" } as const;
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: stakeTaskQueues.transactions(chainId),
      activities: others,
      workflowBundle: await stakingBundle(),
    }),
    Worker.create({
      ...common,
      taskQueue: stakeTaskQueues.signer(chainId),
      activities: { signTransactions },
    }),
  ]);
  const running = workers.map((worker) => worker.run());
  stops.add(async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  });
}
