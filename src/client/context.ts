import { userInfo } from "node:os";
import type { Client } from "@temporalio/client";
import type { Ledger } from "../activities/ports.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import type { Config, NetworkConfig } from "../config/load-config.ts";
import type { StakingDesk } from "../staking/desk.ts";
import type { Terminal } from "./terminal.ts";

/** What a command works with. Connections open when first asked for. */
export type CommandContext = {
  readonly config: () => Config;
  /** The network of `--network`, else the only one. @throws {UnknownNetworkError} */
  readonly network: () => NetworkConfig;
  /** The name after `--network`; undefined if it was not given. */
  readonly networkOption: string | undefined;
  /** @throws {TemporalUnavailableError} */
  readonly temporal: () => Promise<Client>;
  readonly ledger: () => Promise<Ledger>;
  /** The database that the ledger is in. @throws {SchemaMismatchError} */
  readonly clickhouse: () => Promise<ClickHouse>;
  /** The staking service. @throws {ConfigError} where none is configured */
  readonly staking: () => Promise<StakingDesk>;
  /** The latest block number of the network's node. @throws {NodeUnavailableError} */
  readonly readHead: (network: NetworkConfig) => Promise<number>;
  readonly readSchema: () => Promise<readonly { readonly name: string; readonly sql: string }[]>;
  /** Applies the migrations that are missing. @returns Names of those applied. */
  readonly applySchema: () => Promise<readonly string[]>;
  readonly workflowLink: (workflowId: string) => string | null;
  readonly terminal: Terminal;
};

/** Who asked, as ledger rows and workflows record it. */
export function actorName(): string {
  try {
    return `client:${userInfo().username}`;
  } catch {
    return "client";
  }
}
