import type { Client } from "@temporalio/client";
import { beating } from "../activities/beating.ts";
import { createAnnounceStake } from "../activities/staking/announce-stake.ts";
import { createBroadcastTransactions } from "../activities/staking/broadcast-transactions.ts";
import { createCheckRequest } from "../activities/staking/check-request.ts";
import { createEnsureSigner } from "../activities/staking/ensure-signer.ts";
import { createNoteEntity } from "../activities/staking/note-entity.ts";
import type { StakingChain } from "../activities/staking/ports.ts";
import { createPrepareCalls } from "../activities/staking/prepare-calls.ts";
import { createPumpStream } from "../activities/staking/pump-stream.ts";
import { createReadAccount } from "../activities/staking/read-account.ts";
import { createReadReceipts } from "../activities/staking/read-receipts.ts";
import { createRecordRequest } from "../activities/staking/record-request.ts";
import { createRecordTransactions } from "../activities/staking/record-transactions.ts";
import { createWatchAccount } from "../activities/staking/watch-account.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import { createStakeRequestStore } from "../clickhouse/stake-requests.ts";
import { createStakeTransactionStore } from "../clickhouse/stake-transactions.ts";
import type { Config, StakingConfig } from "../config/load-config.ts";
import type { Hex } from "../domain/chain.ts";
import { createWebhook } from "../observability/webhook.ts";
import { createEntityStore } from "../staking/redis-entities.ts";
import { createRequestStream } from "../staking/redis-stream.ts";
import { createRequestStarter } from "../staking/request-starter.ts";
import { startSigner } from "../staking/signer-client.ts";
import type {
  StreamActivities,
  TransactionActivities,
} from "../temporal/create-staking-workers.ts";
import type { StakeActivities } from "../workflows/staking/stake-activities.ts";
import type { WorkerProcess } from "./worker-process.ts";

type Parts = {
  readonly settings: StakingConfig;
  readonly chain: StakingChain;
  readonly clickhouse: ClickHouse;
  /** With the codec. */
  readonly client: Client;
  /** The account that sends, lower case. */
  readonly signer: Hex;
};

/** Every effect of the staking workflows but the signature. */
export function createStakingActivities(
  { config, meters }: WorkerProcess,
  parts: Parts,
): TransactionActivities & Partial<StreamActivities> {
  const { settings, chain, clickhouse, client, signer } = parts;
  const { redis, policy } = settings;
  const { chainId } = chain;
  const requestRows = createStakeRequestStore(clickhouse);
  const checkRequest = createCheckRequest({ chain });
  return {
    checkRequest: beating(checkRequest),
    ensureSigner: beating(
      createEnsureSigner({
        chainId,
        startSigner: (address) => startSigner(client, { chainId, address }, policy),
      }),
    ),
    prepareCalls: beating(createPrepareCalls({ chain })),
    readAccount: beating(createReadAccount({ chain })),
    broadcastTransactions: beating(createBroadcastTransactions({ chain })),
    watchAccount: measuring(createWatchAccount({ chain }), meters),
    readReceipts: beating(createReadReceipts({ chain })),
    recordRequest: beating(createRecordRequest({ requestRows, meters })),
    recordTransactions: beating(
      createRecordTransactions({ transactionRows: createStakeTransactionStore(clickhouse) }),
    ),
    noteEntity: beating(createNoteEntity({ entities: redis && createEntityStore(redis.url) })),
    announceStake: beating(createAnnounceStake({ stakeAnnouncer: openAnnouncer(config) })),
    ...(redis && {
      pumpStream: createPumpStream({
        stream: createRequestStream(redis),
        requests: createRequestStarter(client, {
          signer,
          lifetimeMs: settings.requestLifetimeMs,
        }),
        checkCall: (request) => checkRequest({ ...request, signer }),
        requestRows,
        meters,
        now: () => new Date(),
      }),
    }),
  };
}

/** The account's balance is shown as often as the signer looks at it. */
function measuring(
  watch: StakeActivities["watchAccount"],
  meters: WorkerProcess["meters"],
): StakeActivities["watchAccount"] {
  return async (input) => {
    const answer = await watch(input);
    meters.signerBalance(input.chainId, input.address, answer.account.balanceWei);
    return answer;
  };
}

function openAnnouncer({ webhook: { url, secret } }: Config) {
  return url === null || secret === null ? null : createWebhook({ url, secret });
}
