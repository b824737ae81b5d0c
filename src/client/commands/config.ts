import type { Command } from "commander";
import type { Config, StakingConfig } from "../../config/load-config.ts";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { formatFields } from "../views/format.ts";
import { type Act, addExamples } from "./act.ts";

export function addConfig(program: Command, act: Act): void {
  const config = program.command("config").description("the configuration");
  config
    .command("check")
    .description("read the configuration and say what is in force; nothing is connected to")
    .action(() => act(checkConfig));
  addExamples(config, "config check");
}

async function checkConfig(context: CommandContext): Promise<Outcome> {
  const config = context.config();
  const shown = describeConfig(config);
  return {
    json: { valid: true, ...shown },
    text: [
      "The configuration is valid.",
      formatFields([
        ["Temporal", `${shown.temporal.address}, namespace ${shown.temporal.namespace}`],
        ["ClickHouse", `${shown.clickhouse.host}, database ${shown.clickhouse.database}`],
        ...shown.networks.map(
          ({ name, nodes, processors, headPolicy }) =>
            [
              `network ${name}`,
              `nodes ${nodes.join(", ")}; processors ${processors.join(", ")}; head ${headPolicy}`,
            ] as const,
        ),
        ...(shown.staking === null ? [] : [["staking", formatStaking(shown.staking)] as const]),
        ...shown.withoutEffect.map(
          ({ name, instead }) => ["no effect", `${name}: ${instead}`] as const,
        ),
      ]),
      ...(shown.networks.length === 0 && shown.staking === null
        ? ["No network is configured: set NETWORK and RPC_URL, or write blockloom.yaml."]
        : []),
    ].join("\n"),
  };
}

/** The settings that tell nobody a secret: urls may hold tokens, so of a node there is only its name. */
function describeConfig({
  networks,
  clickhouse,
  temporal,
  defaultNetwork,
  staking,
  worker,
  idleVariables,
}: Config) {
  return {
    defaultNetwork,
    temporal: { address: temporal.address, namespace: temporal.namespace },
    clickhouse: { host: new URL(clickhouse.url).host, database: clickhouse.database },
    networks: networks.map(({ name, chainId, nodes, processors, headPolicy, startBlock }) => ({
      name,
      chainId,
      nodes: nodes.map((node) => node.name),
      processors,
      headPolicy,
      startBlock,
    })),
    staking: staking && describeStaking(staking),
    roles: worker.roles,
    withoutEffect: idleVariables,
  };
}

type ShownStaking = ReturnType<typeof describeStaking>;

function describeStaking({ chainId, nodes, contractAddress, signer, codec, redis }: StakingConfig) {
  const { address, ...sources } = signer;
  const [keySource = null] = Object.entries(sources).flatMap(([name, value]) =>
    value === null ? [] : [name],
  );
  return {
    chainId,
    nodes: nodes.map(({ name }) => name),
    contractAddress,
    signer: address,
    /** Which setting holds the key; null: another process signs. */
    keySource,
    codecKeyIds: codec.keys.map(({ id }) => id),
    stream: redis && { key: redis.streamKey, group: redis.group, shadow: redis.shadow },
  };
}

function formatStaking({
  chainId,
  nodes,
  contractAddress,
  signer,
  keySource,
  stream,
}: ShownStaking) {
  return [
    `contract ${contractAddress}${chainId === null ? "" : ` on chain ${chainId}`}`,
    `nodes ${nodes.join(", ")}`,
    `account ${signer ?? "of the key"}, key ${keySource ? `from ${keySource}` : "elsewhere"}`,
    ...(stream ? [`stream ${stream.key}${stream.shadow ? " (shadow)" : ""}`] : []),
  ].join("; ");
}
