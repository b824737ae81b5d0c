import type { Logger } from "@temporalio/common";
import type { ApiToken } from "../config/api-tokens.ts";
import type { Config } from "../config/load-config.ts";
import type { StakingDesk } from "../staking/desk.ts";
import type { Backends } from "./backends.ts";

/** What the server is made of; put together in src/server.ts. */
export type ServerParts = {
  readonly config: Config;
  /** None: only callers of this machine, without a token. */
  readonly tokens: readonly ApiToken[];
  readonly backends: Backends;
  /** null: no staking service is configured, and its routes are not there. */
  readonly staking: StakingDesk | null;
  readonly logger: Logger;
  readonly version: string;
  /** Where a workflow stands in Temporal's UI; null where nobody knows. */
  readonly linkTo: (workflowId: string) => string | null;
};
