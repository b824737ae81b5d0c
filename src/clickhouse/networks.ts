import type { NetworkStore } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { NetworkBindingError } from "../errors.ts";
import type { ClickHouse } from "./client.ts";
import { newToken } from "./token.ts";

type Binding = { chain_id: string; genesis_hash: Hex; finalized_block: string | null };

const table = "execution_network";

/** The chain behind each network name. */
export function createNetworkStore(clickhouse: ClickHouse): NetworkStore {
  /** Of two that bound a name at once the earlier holds, and both see the same one. */
  async function read(network: string): Promise<Binding | undefined> {
    const [binding] = await clickhouse.query<Binding>(
      `SELECT chain_id, genesis_hash, finalized_block FROM ${table} FINAL
       WHERE meta_network_name = {network:String}
       ORDER BY bound_at, chain_id, genesis_hash LIMIT 1`,
      { parameters: { network } },
    );
    return binding;
  }

  async function insert(network: string, binding: Binding): Promise<void> {
    const row = { meta_network_name: network, ...binding };
    await clickhouse.insertRows(table, [row], { token: newToken(table) });
  }

  return {
    async bind({ network, chainId, genesisHash }) {
      const wanted = { chain_id: String(chainId), genesis_hash: genesisHash };
      if (!(await read(network))) await insert(network, { ...wanted, finalized_block: null });
      const bound = (await read(network)) ?? wanted;
      if (bound.chain_id !== wanted.chain_id || bound.genesis_hash !== wanted.genesis_hash) {
        throw new NetworkBindingError({
          network,
          bound: describe(bound),
          actual: describe(wanted),
        });
      }
    },
    async raiseFinalized(network, seen) {
      const binding = await read(network);
      const stored = binding?.finalized_block == null ? null : Number(binding.finalized_block);
      if (seen === null || (stored !== null && stored >= seen)) return stored;
      if (binding) await insert(network, { ...binding, finalized_block: String(seen) });
      return seen;
    },
  };
}

function describe({ chain_id, genesis_hash }: { chain_id: string; genesis_hash: Hex }): string {
  return `chain id ${chain_id}, genesis ${genesis_hash}`;
}
