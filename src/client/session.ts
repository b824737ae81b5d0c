import type { Client } from "@temporalio/client";
import type { Ledger } from "../activities/ports.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import type { Environment } from "../config/environment.ts";
import { type Config, loadConfig } from "../config/load-config.ts";
import { findNetwork } from "../config/networks.ts";
import { loadStackEnv } from "../config/stack-env.ts";
import { ConfigError } from "../errors.ts";
import type { StakingDesk } from "../staking/desk.ts";
import { askNodes, openNodes } from "./ask-nodes.ts";
import type { CommandContext } from "./context.ts";
import { createTerminal } from "./terminal.ts";
import { createWorkflowLink } from "./workflow-link.ts";

export type GlobalOptions = { readonly json?: true; readonly network?: string };

export type Session = { readonly context: CommandContext; readonly close: () => Promise<void> };

/**
 * The context of one command. Libraries are loaded and connections opened when a command first asks for them, so that
 * `--help` and `config check` answer at once and need nothing to run.
 */
export function openSession(options: GlobalOptions, env?: Environment): Session {
  const environment = loadStackEnv(env ? { env } : {});
  const closers: (() => Promise<void>)[] = [];
  const config = once(() => loadConfig({ env: environment }));
  const clickhouse = once(() => openClickHouse(config(), closers));
  const storage = once(async () => checkStorage(await clickhouse()));
  const context: CommandContext = {
    config,
    network: () => chooseNetwork(config(), options.network),
    networkOption: options.network,
    temporal: once(() => openTemporal(config(), closers)),
    ledger: once(async () => openLedger(await storage())),
    clickhouse: storage,
    staking: once(() => openStaking(context)),
    readHead: async (network) => {
      const head = await askNodes(await openNodes(network, config().worker), (node) =>
        node.head("latest"),
      );
      return head?.number ?? 0;
    },
    readSchema: async () => {
      const { readSchema } = await import("../clickhouse/printed-schema.ts");
      return readSchema(config().clickhouse.cluster);
    },
    applySchema: async () => {
      const { migrate } = await import("../clickhouse/migrate.ts");
      return migrate(config().clickhouse);
    },
    workflowLink: (workflowId) =>
      createWorkflowLink(environment.TEMPORAL_UI_URL, config().temporal.namespace)(workflowId),
    terminal: createTerminal(process, { json: options.json === true }),
  };
  return {
    context,
    close: async () => {
      await Promise.allSettled(closers.map((close) => close()));
    },
  };
}

function chooseNetwork(config: Config, name: string | undefined) {
  if (name === undefined && config.defaultNetwork === null) {
    const known = config.networks.map((network) => network.name);
    throw new ConfigError("It is not clear which network is meant.", {
      facts: [`configured networks: ${known.join(", ") || "none"}`],
      fix:
        known.length === 0
          ? "set NETWORK and RPC_URL, or write blockloom.yaml."
          : "name one of them with --network, or set NETWORK.",
    });
  }
  return findNetwork(config, name);
}

async function openTemporal(config: Config, closers: (() => Promise<void>)[]): Promise<Client> {
  const { openClient } = await import("../temporal/open-client.ts");
  const { client, close } = await openClient(config.temporal);
  closers.push(close);
  return client;
}

async function openClickHouse(
  config: Config,
  closers: (() => Promise<void>)[],
): Promise<ClickHouse> {
  const { createClickHouse } = await import("../clickhouse/client.ts");
  const clickhouse = createClickHouse(config.clickhouse);
  closers.push(() => clickhouse.close());
  return clickhouse;
}

/** @throws {SchemaMismatchError} rather than a refusal about a table that is not there. */
async function checkStorage(clickhouse: ClickHouse): Promise<ClickHouse> {
  const { checkSchema } = await import("../clickhouse/migrate.ts");
  await checkSchema(clickhouse);
  return clickhouse;
}

async function openLedger(clickhouse: ClickHouse): Promise<Ledger> {
  const { createLedger } = await import("../clickhouse/ledger.ts");
  return createLedger(clickhouse);
}

async function openStaking(context: CommandContext): Promise<StakingDesk> {
  const { staking } = context.config();
  if (staking === null) {
    throw new ConfigError("No staking service is configured.", {
      fix: "set STAKING_ADDRESS, CHAIN_RPC_URL, STAKING_CODEC_KEYS and STAKING_SIGNER_ADDRESS (docs/staking.md).",
    });
  }
  const { openStakingDesk } = await import("../staking/open-desk.ts");
  const { createStakeRequestStore } = await import("../clickhouse/stake-requests.ts");
  const kept = {
    read: async (requestId: string) =>
      createStakeRequestStore(await context.clickhouse()).read(requestId),
  };
  return openStakingDesk(staking, { temporal: context.temporal, kept });
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
