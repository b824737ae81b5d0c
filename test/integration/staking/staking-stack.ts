import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { type ClickHouse, createClickHouse } from "../../../src/clickhouse/client.ts";
import { startEmbeddedServer } from "../../../src/clickhouse/embedded/start.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { type NodeGate, startNodeGate } from "../../../src/dev/node-gate.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { projectRoot } from "../../../src/dev/project-root.ts";
import { newCodecKey, stakingEnv } from "../../../src/dev/staking/staking-env.ts";
import type { TestUser } from "../../../src/dev/staking/test-user.ts";
import { createUsersWithoutEther } from "../../../src/dev/staking/users-without-ether.ts";
import { StopList } from "../../../src/dev/stop-list.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { createCodedClient } from "../../../src/staking/coded-client.ts";
import { startRequest } from "../../../src/staking/start-request.ts";
import { openClient } from "../../../src/temporal/open-client.ts";
import { stakeMessageNames, stakeWorkflowIds } from "../../../src/workflows/staking/messages.ts";
import type { StakeRequestStatus } from "../../../src/workflows/staking/request-shapes.ts";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { type StallingLink, startStallingLink } from "./stalling-link.ts";

export type Role = "stake" | "sign";
type Environment = Readonly<Record<string, string>>;

/** The staking service, all of it real; the workers are processes of the build (dist/worker.js). */
export type StakingStack = {
  readonly folder: string;
  readonly chain: StakingChain;
  /** Between the workers and the node. */
  readonly gate: NodeGate;
  readonly temporal: TestTemporal;
  /** Each role's own cable to Temporal. */
  readonly links: Readonly<Record<Role, StallingLink>>;
  readonly store: ClickHouse;
  readonly client: Client;
  readonly codecKey: string;
  /** Another user each time, with 100 DIP, an allowance and no ether. */
  readonly nextUser: () => TestUser;
  /** Variables of worker and server alike. */
  readonly env: Environment;
  readonly startWorker: (role: Role, more?: Environment) => Promise<RunningProcess>;
  /** Workers that were started and still run. */
  readonly running: (role: Role) => readonly RunningProcess[];
  /** SIGKILL to all workers of a role. */
  readonly kill: (role: Role) => Promise<void>;
  /** Hands a request in; answers its id, once it is durable. */
  readonly submit: (call: StakeCall) => Promise<string>;
  readonly signerStatus: () => Promise<SignerStatus>;
  readonly requestStatus: (requestId: string) => Promise<StakeRequestStatus>;
  /** Waits until a request has its final state. */
  readonly untilFinal: (requestId: string, timeoutMs?: number) => Promise<StakeRequestStatus>;
  /** All that the workers have printed. */
  readonly logs: () => string;
  readonly stop: () => Promise<void>;
};

/** What each user holds at first, in DIP's smallest unit. */
export const dipOfUser = 100n * oneDip;
const database = "staking";
const readyTimeoutMs = 120_000;
const finalTimeoutMs = 180_000;

/** Blocks come once a second, after the contracts are there; `finalized` is two blocks behind. */
export async function startStakingStack(
  options: { readonly users?: number; readonly env?: Environment } = {},
): Promise<StakingStack> {
  const stops = new StopList();
  const stop = () => stops.stopAll();
  try {
    return { ...(await startParts(stops, { users: 20, env: {}, ...options })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  stops: StopList,
  options: { readonly users: number; readonly env: Environment },
): Promise<Omit<StakingStack, "stop">> {
  const keep = <Part extends { readonly stop: () => Promise<unknown> }>(part: Part): Part => {
    stops.add(part.stop);
    return part;
  };
  const folder = await mkdtemp(join(tmpdir(), "blockloom-staking-"));
  stops.add(() => rm(folder, { recursive: true, force: true }));
  const [chain, temporal, clickhouse] = await Promise.all([
    startStakingChain().then(keep),
    startTestTemporal().then(keep),
    startEmbeddedServer({ dataDir: join(folder, "clickhouse") }).then(keep),
  ]);
  const gate = keep(await startNodeGate(chain.url));
  const links = {
    stake: keep(await startStallingLink(temporal.address)),
    sign: keep(await startStallingLink(temporal.address)),
  };
  const codecKey = newCodecKey("test");
  const env: Environment = {
    ...stakingEnv({
      rpcUrl: gate.url,
      stakingAddress: chain.contracts.stakingAddress,
      signer: chain.signer.address,
      codecKey,
    }),
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: database,
    METRICS_ADDRESS: "off",
    LOG_LEVEL: "info",
    ...options.env,
  };
  const direct = { ...env, TEMPORAL_ADDRESS: temporal.address };
  const config = loadConfig({ env: direct, cwd: folder });
  const opened = await openClient(config.temporal);
  stops.add(opened.close);
  const client = createCodedClient(opened.client, config.staking?.codec.keys ?? []);
  const store = createClickHouse({ url: clickhouse.url, database });
  stops.add(() => store.close());
  const workers = openWorkers({ folder, env, links, keep, privateKey: chain.signer.privateKey });
  const names = Array.from({ length: options.users }, (_, index) => `user ${index}`);
  const users = await createUsersWithoutEther(chain.contracts, names, dipOfUser);
  await chain.automine(false);
  await chain.rpc("evm_setIntervalMining", [1]);
  return {
    folder,
    chain,
    gate,
    temporal,
    links,
    store,
    codecKey,
    nextUser: () => {
      const user = users.shift();
      if (user === undefined) throw new Error("the stack was started with fewer users");
      return user;
    },
    env: direct,
    ...workers,
    ...openRequests(client, chain),
    client,
  };
}

/** The two kinds of worker; only the one that signs is given the key. */
function openWorkers(options: {
  readonly folder: string;
  readonly env: Environment;
  readonly links: Readonly<Record<Role, StallingLink>>;
  readonly keep: (process: RunningProcess) => RunningProcess;
  readonly privateKey: string;
}): Pick<StakingStack, "startWorker" | "running" | "kill" | "logs"> {
  const started: { readonly role: Role; readonly process: RunningProcess }[] = [];
  const running = (role: Role) =>
    started
      .filter((worker) => worker.role === role && worker.process.isRunning())
      .map(({ process }) => process);
  return {
    running,
    startWorker: async (role, more = {}) => {
      const name = `${role}-${started.length + 1}`;
      const worker = options.keep(
        startProcess({
          name,
          command: process.execPath,
          args: ["--enable-source-maps", join(projectRoot, "dist", "worker.js")],
          env: {
            ...options.env,
            TEMPORAL_ADDRESS: options.links[role].address,
            WORKER_ROLES: role,
            ...(role === "sign" ? { PROCESSOR_PRIVATE_KEY: options.privateKey } : {}),
            ...more,
          },
          cwd: options.folder,
          logFile: join(options.folder, `${name}.log`),
        }),
      );
      started.push({ role, process: worker });
      await waitUntil(() => worker.output().includes("Worker is ready"), {
        what: `a worker (${role}) to be ready`,
        timeoutMs: readyTimeoutMs,
        process: worker,
      });
      return worker;
    },
    kill: async (role) => {
      await Promise.all(running(role).map((worker) => worker.kill()));
    },
    logs: () => started.map(({ process: worker }) => worker.output()).join("\n"),
  };
}

function openRequests(
  client: Client,
  chain: StakingChain,
): Pick<StakingStack, "submit" | "signerStatus" | "requestStatus" | "untilFinal"> {
  const { chainId, signer } = chain;
  const requestStatus = (requestId: string) =>
    client.workflow.getHandle(requestId).query<StakeRequestStatus>(stakeMessageNames.status);
  return {
    submit: async (call) => {
      const wanted = {
        chainId,
        call,
        signer: signer.address,
        source: "client",
        actor: "test",
        lifetimeMs: 3_600_000,
      } as const;
      const { requestId } = await startRequest(client, wanted);
      return requestId;
    },
    signerStatus: () =>
      client.workflow
        .getHandle(stakeWorkflowIds.signer(chainId, signer.address))
        .query<SignerStatus>(stakeMessageNames.status),
    requestStatus,
    untilFinal: (requestId, timeoutMs = finalTimeoutMs) =>
      waitUntil(
        async () => {
          const status = await requestStatus(requestId);
          return status.isFinal ? status : undefined;
        },
        { what: `${requestId} to be final`, timeoutMs, everyMs: 200 },
      ),
  };
}
