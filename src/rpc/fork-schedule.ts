import { readFile } from "node:fs/promises";
import type { ForkAt } from "../activities/ports.ts";
import { scheduleOfEthConfig } from "../domain/eth-config.ts";
import {
  type ForkSchedule,
  forkAt,
  parseGenesisForks,
  scheduleOfChain,
  scheduleOfHardfork,
} from "../domain/fork-schedule.ts";
import { ConfigError } from "../errors.ts";
import { RpcRefusal } from "./faults.ts";
import type { NodeCalls } from "./node-calls.ts";

/**
 * The forks of a chain, from the first that knows them: the genesis file, the chain id of a known network, anvil's own
 * word, `eth_config`. None knows them: every block's fork is null, and its proof stays unverified.
 * @throws {ConfigError} when the genesis file cannot be used.
 */
export async function readForkAt(
  calls: NodeCalls,
  { genesisFile, chainId }: { genesisFile: string | null; chainId: number },
): Promise<ForkAt> {
  const schedule =
    genesisFile === null
      ? (scheduleOfChain(chainId) ?? (await askAnvil(calls)) ?? (await askEthConfig(calls)))
      : await readGenesisFile(genesisFile);
  return schedule ? (block) => forkAt(schedule, block) : () => null;
}

async function readGenesisFile(path: string): Promise<ForkSchedule> {
  try {
    return parseGenesisForks(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw new ConfigError("The genesis file cannot be used.", {
      facts: [`file: ${path}`, error instanceof Error ? error.message : "unknown fault"],
      fix: "give a genesis file in geth's format, with a `config` section, in GENESIS_FILE or genesisFile.",
    });
  }
}

/** Only anvil knows this call. */
async function askAnvil(calls: NodeCalls): Promise<ForkSchedule | null> {
  const info = await askUnlessRefused(calls, "anvil_nodeInfo");
  const isInfo = typeof info === "object" && info !== null && "hardFork" in info;
  return isInfo ? scheduleOfHardfork(String(info.hardFork)) : null;
}

async function askEthConfig(calls: NodeCalls): Promise<ForkSchedule | null> {
  return scheduleOfEthConfig(await askUnlessRefused(calls, "eth_config"));
}

/** A node that refuses a call says nothing about its forks. */
async function askUnlessRefused(calls: NodeCalls, method: string): Promise<unknown> {
  try {
    return await calls.ask({ method, params: [] });
  } catch (error) {
    if (error instanceof RpcRefusal) return null;
    throw error;
  }
}
