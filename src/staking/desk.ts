import type { Client } from "@temporalio/client";
import type { StakingChain } from "../activities/staking/ports.ts";
import type { StakingConfig } from "../config/load-config.ts";
import type { Hex } from "../domain/chain.ts";
import type { KeptRequests } from "./read-request.ts";

/** What every way in needs of the staking service; all of it opened when first needed. */
export type StakingDesk = {
  readonly settings: StakingConfig;
  /** The account that sends, lower case. */
  readonly signer: Hex;
  /** Configured, else what the nodes say. @throws {NodeUnavailableError} @throws {WrongChainError} */
  readonly chainId: () => Promise<number>;
  /** With the codec. @throws {TemporalUnavailableError} */
  readonly client: () => Promise<Client>;
  /** @throws {NodeUnavailableError} @throws {WrongChainError} */
  readonly chain: () => Promise<StakingChain>;
  /** Answers that outlive Temporal's retention. @throws {StorageUnavailableError} */
  readonly kept: KeptRequests;
};
