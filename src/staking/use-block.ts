import { encodeAbiParameters, keccak256 } from "viem";
import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import { type StakingNode, toQuantity } from "./staking-node.ts";

/** States that nodes keep for sure without being archives (geth: 128 blocks). */
const keptStates = 120;
/** Asked in one request: the search through 20 million blocks takes 6. */
const pointsAtOnce = 16;
const word = z.string().regex(/^0x[0-9a-f]+$/i);

/** Where the helper remembers a used signature: its mapping stands at slot 0 (measured). */
export function usedSlot(signature: Hex): Hex {
  const key = keccak256(encodeAbiParameters([{ type: "bytes" }], [signature]));
  const place = [{ type: "bytes32" }, { type: "uint256" }] as const;
  return keccak256(encodeAbiParameters(place, [key, 0n]));
}

/**
 * The block in which a signature was used, by what the helper remembered at the blocks before.
 * @param latest - a block at which it was used.
 * @returns null where the node has no states so old, or says that it is not used.
 */
export async function findUseBlock(
  node: StakingNode,
  { messageHelper, signature }: { readonly messageHelper: Hex; readonly signature: Hex },
  latest: number,
  signal?: AbortSignal,
): Promise<number | null> {
  const slot = usedSlot(signature);
  const areUsed = async (points: readonly number[]): Promise<boolean[] | null> => {
    const method = "eth_getStorageAt";
    const answers = await node.ask(
      points.map((at) => ({ method, params: [messageHelper, slot, toQuantity(at)] })),
      { signal },
    );
    const words = z.array(word).safeParse(answers);
    return words.success ? words.data.map((text) => BigInt(text) !== 0n) : null;
  };
  const recent = Math.max(0, latest - keptStates);
  const now = await areUsed([recent, latest]);
  if (now?.[1] !== true) return null;
  let unused = now[0] === false ? recent : -1;
  let used = now[0] === false ? latest : recent;
  while (used - unused > 1) {
    const points = between(unused, used);
    const found = await areUsed(points);
    if (found === null) return null;
    const first = found.indexOf(true);
    const last = first === -1 ? points.length - 1 : first - 1;
    used = points[first] ?? used;
    unused = points[last] ?? unused;
  }
  return used;
}

/** Whole numbers between two, evenly. */
function between(low: number, high: number): number[] {
  const count = Math.min(pointsAtOnce, high - low - 1);
  return Array.from(
    { length: count },
    (_, at) => low + Math.floor(((high - low) * (at + 1)) / (count + 1)),
  );
}
