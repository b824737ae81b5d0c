import { Client } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime } from "@temporalio/worker";
import { createNoteEntity } from "../../src/activities/staking/note-entity.ts";
import { createPumpStream } from "../../src/activities/staking/pump-stream.ts";
import type { CheckVerdict } from "../../src/domain/staking/stake-call.ts";
import { createCodedClient } from "../../src/staking/coded-client.ts";
import { createEntityStore } from "../../src/staking/redis-entities.ts";
import { createRequestStream } from "../../src/staking/redis-stream.ts";
import { createRequestStarter } from "../../src/staking/request-starter.ts";
import { createTransactionWorker } from "../../src/temporal/create-staking-workers.ts";
import { createStakingDataConverter } from "../../src/temporal/staking-data-converter.ts";
import { bridgeConsumer, bridgeGroup } from "./fake-bridge.ts";
import { streamKey } from "./stake-producer.ts";

// A worker of the queue tx-<chain> with the real bridge and the real workflows of requests over a stand-in chain, whose
// verdict on every request is given. Also a process of its own, for tests that kill it:
// node --import tsx test/support/bridge-worker.ts '<options as JSON>'

export const bridgeChainId = 31337;
export const bridgeCodecKeys = [{ id: "test", key: Buffer.alloc(32, 7).toString("base64") }];

export type BridgeWorkerOptions = {
  readonly address: string;
  readonly namespace: string;
  readonly redisUrl: string;
  readonly shadow?: boolean;
  /** What the chain says of every request; a wait keeps its workflow running. */
  readonly verdict: CheckVerdict;
  /** Never comes back from a start that was durable, and says STARTED: there the process is killed. */
  readonly hangAfterStart?: boolean;
};

const unused = () => Promise.reject(new Error("there is no signer in this test"));

export async function startBridgeWorker(
  options: BridgeWorkerOptions,
): Promise<{ readonly stop: () => Promise<void> }> {
  const { address, namespace, redisUrl: url, verdict, hangAfterStart = false } = options;
  const connection = await NativeConnection.connect({ address });
  const client = createCodedClient(new Client({ connection, namespace }), bridgeCodecKeys);
  const starter = createRequestStarter(client, { signer: `0x${"11".repeat(20)}`, lifetimeMs: 6e5 });
  const entities = createEntityStore(url);
  const activities = {
    checkRequest: async () => verdict,
    ensureSigner: unused,
    prepareCalls: unused,
    readAccount: unused,
    broadcastTransactions: unused,
    watchAccount: unused,
    readReceipts: unused,
    recordRequest: async () => {},
    recordTransactions: async () => {},
    announceStake: async () => {},
    noteEntity: createNoteEntity({ entities }),
    pumpStream: createPumpStream({
      stream: createRequestStream({
        url,
        streamKey,
        group: bridgeGroup,
        consumer: bridgeConsumer,
        readBlockMs: 500,
        shadow: options.shadow ?? false,
      }),
      requests: {
        async start(request) {
          const started = await starter.start(request);
          if (!hangAfterStart) return started;
          console.log("STARTED");
          return new Promise(() => {});
        },
      },
      checkCall: async () => verdict,
      requestRows: { record: async () => {}, recordPoison: async () => {} },
      meters: { stakeOutcome() {}, streamEntry() {}, streamQueue() {}, signerBalance() {} },
      now: () => new Date(),
    }),
  };
  const worker = await createTransactionWorker({
    connection,
    namespace,
    chainId: bridgeChainId,
    activities,
    dataConverter: createStakingDataConverter(bridgeCodecKeys),
  });
  const running = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await running;
      await entities.close();
      await connection.close();
    },
  };
}

const [script, argument] = process.argv.slice(1);
if (script?.endsWith("bridge-worker.ts") && argument !== undefined) {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const options: BridgeWorkerOptions = JSON.parse(argument);
  await startBridgeWorker(options);
}
