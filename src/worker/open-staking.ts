import { Client } from "@temporalio/client";
import { createSignTransactions } from "../activities/staking/sign-transactions.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import type { StakingConfig } from "../config/load-config.ts";
import { createCodedClient } from "../staking/coded-client.ts";
import { callEncoder } from "../staking/contract.ts";
import { openStakingChain } from "../staking/open-staking-chain.ts";
import { readSignerAddress } from "../staking/signer-address.ts";
import { startSigner } from "../staking/signer-client.ts";
import { startBridge } from "../staking/start-bridge.ts";
import { openTransactionSigner } from "../staking/transaction-signer.ts";
import {
  createSigningWorker,
  createTransactionWorker,
} from "../temporal/create-staking-workers.ts";
import { createStakingDataConverter } from "../temporal/staking-data-converter.ts";
import { warnOfOtherPolicy } from "./compare-policy.ts";
import { showBalance } from "./show-balance.ts";
import { createStakingActivities } from "./staking-activities.ts";
import { type CreateWorkers, type WorkerProcess, waitFor } from "./worker-process.ts";

/**
 * Opens the chain; what comes back creates the worker of the role `stake`, and starts the signer's workflow and, where
 * there is a Redis stream, the bridge's.
 */
export async function openStaking(
  process: WorkerProcess,
  settings: StakingConfig,
  clickhouse: ClickHouse,
): Promise<CreateWorkers> {
  const { config, logger } = process;
  const { namespace } = config.temporal;
  const chain = await openChain(process, settings);
  const { chainId } = chain;
  const signer = await readSignerAddress(settings.signer);
  logger.info("Staking is open", { chainId, contract: chain.contractAddress, signer });
  return async (connection) => {
    const client = createCodedClient(new Client({ connection, namespace }), settings.codec.keys);
    const worker = await createTransactionWorker({
      connection,
      namespace,
      chainId,
      activities: createStakingActivities(process, { settings, chain, clickhouse, client, signer }),
      dataConverter: createStakingDataConverter(settings.codec.keys),
    });
    const name = { chainId, address: signer };
    const start = <Answer>(work: () => Promise<Answer>) => waitFor(process, "Temporal", work);
    const { started } = await start(() => startSigner(client, name, settings.policy));
    if (!started) void warnOfOtherPolicy(process, client, name, settings.policy);
    if (settings.redis !== null) await start(() => startBridge(client, chainId));
    void showBalance(process, chain, signer);
    return [worker];
  };
}

/** Opens the key; what comes back creates the worker of the role `sign`, which does nothing else. */
export async function openSigning(
  process: WorkerProcess,
  settings: StakingConfig,
): Promise<CreateWorkers> {
  const signer = await openTransactionSigner(settings.signer, settings.signer.address);
  // Whatever chain its nodes serve is told by them, unless it is configured: then this process needs no node.
  const chainId = settings.chainId ?? (await openChain(process, settings)).chainId;
  process.logger.info("The key is open", { chainId, signer: signer.address });
  const { namespace } = process.config.temporal;
  return async (connection) => [
    await createSigningWorker({
      connection,
      namespace,
      chainId,
      activities: {
        signTransactions: createSignTransactions({
          signer,
          encoder: callEncoder,
          chainId,
          contractAddress: settings.contractAddress,
          feeCapWei: BigInt(settings.policy.maxFeePerGasWei),
        }),
      },
      dataConverter: createStakingDataConverter(settings.codec.keys),
    }),
  ];
}

function openChain(process: WorkerProcess, settings: StakingConfig) {
  return waitFor(process, "a node of the staking chain", () => openStakingChain(settings));
}
