import type { StakeTransactionStore } from "../activities/staking/bridge-ports.ts";
import type { ClickHouse } from "./client.ts";
import { contentToken } from "./content-token.ts";

const table = "stake_transaction";

/** What was signed and what became of it, in `stake_transaction`. */
export function createStakeTransactionStore(clickhouse: ClickHouse): StakeTransactionStore {
  return {
    async record(records, { chainId, address }) {
      if (records.length === 0) return;
      const rows = records.map((record) => ({
        chain_id: chainId,
        signer: address,
        nonce: record.nonce,
        attempt: record.attempt,
        state: record.state,
        kind: record.kind,
        request_id: record.requestId ?? "",
        hash: record.hash,
        raw: record.raw,
        max_fee_per_gas: record.fees.maxFeePerGasWei,
        max_priority_fee_per_gas: record.fees.maxPriorityFeePerGasWei,
        gas_limit: record.gasLimit,
        block_number: record.blockNumber,
        gas_used: record.gasUsed,
      }));
      await clickhouse.insertRows(table, rows, { token: contentToken(table, rows) });
    },
  };
}
