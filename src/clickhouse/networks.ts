import type { NetworkStore } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { NetworkBindingError } from "../errors.ts";
import type { ClickHouse } from "./client.ts";
import { newToken } from "./token.ts";

type Binding = {
  chain_id: string;
  genesis_hash: Hex;
  finalized_block: string | null;
  swept_block: string | null;
};
/** Columns that keep the highest block ever written to them. */
type Mark = "finalized_block" | "swept_block";

const table = "execution_network";

/** The chain behind each network name. */
export function createNetworkStore(clickhouse: ClickHouse): NetworkStore {
  /** The earliest holds; more than one only where several bound a name at once. */
  function readAll(network: string): Promise<Binding[]> {
    return clickhouse.query<Binding>(
      `SELECT chain_id, genesis_hash, finalized_block, swept_block FROM ${table} FINAL
       WHERE meta_network_name = {network:String}
       ORDER BY bound_at, chain_id, genesis_hash`,
      { parameters: { network } },
    );
  }

  async function read(network: string): Promise<Binding | undefined> {
    const [binding] = await readAll(network);
    return binding;
  }

  async function insert(network: string, binding: Binding): Promise<void> {
    const row = { meta_network_name: network, ...binding };
    await clickhouse.insertRows(table, [row], { token: newToken(table) });
  }

  /** @returns the mark as it stands now. */
  async function raise(network: string, mark: Mark, to: number | null): Promise<number | null> {
    const binding = await read(network);
    const stored = binding?.[mark] == null ? null : Number(binding[mark]);
    if (to === null || (stored !== null && stored >= to)) return stored;
    if (binding) await insert(network, { ...binding, [mark]: String(to) });
    return to;
  }

  return {
    async bind({ network, chainId, genesisHash }) {
      const wanted = { chain_id: String(chainId), genesis_hash: genesisHash };
      const isOther = ({ chain_id, genesis_hash }: typeof wanted) =>
        chain_id !== wanted.chain_id || genesis_hash !== wanted.genesis_hash;
      let bound: typeof wanted | undefined = await read(network);
      if (!bound) {
        await insert(network, { ...wanted, finalized_block: null, swept_block: null });
        // Of two at once, the one that reads later sees both, and the other may have begun: clocks do not tell which.
        bound = (await readAll(network)).find(isOther) ?? wanted;
      }
      if (isOther(bound)) {
        throw new NetworkBindingError({
          network,
          bound: describe(bound),
          actual: describe(wanted),
        });
      }
    },
    raiseFinalized: (network, seen) => raise(network, "finalized_block", seen),
    raiseSwept: (network, blockNumber) => raise(network, "swept_block", blockNumber),
  };
}

function describe({ chain_id, genesis_hash }: { chain_id: string; genesis_hash: Hex }): string {
  return `chain id ${chain_id}, genesis ${genesis_hash}`;
}
