import { parseBlocks } from "../domain/block-spec.ts";
import type { Hex } from "../domain/chain.ts";
import type { AcceptReorgRequest } from "./messages.ts";

export const acceptReorgHelp =
  'write {"fromBlock":17000000,"blockHash":"0x…","actor":"kim"}: the first block that differs and the node\'s hash of it';
const maximumActorLength = 50;

/** Reads the body of `acceptReorg`, of any JSON shape; undefined where it cannot be read. Never throws. */
export function readAcceptReorg(body: unknown): AcceptReorgRequest | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const fromBlock = "fromBlock" in body ? readBlock(body.fromBlock) : undefined;
  const blockHash = "blockHash" in body ? body.blockHash : undefined;
  const actor = "actor" in body && typeof body.actor === "string" ? body.actor : "";
  if (fromBlock === undefined || !isBlockHash(blockHash)) return undefined;
  return { fromBlock, blockHash, actor: actor.slice(0, maximumActorLength) };
}

/** A number or a text that names one block; JavaScript itself reads `""`, `null` and `[]` as 0. */
function readBlock(value: unknown): number | undefined {
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  const spec = parseBlocks(value);
  return spec.kind === "range" && spec.fromBlock === spec.toBlock ? spec.fromBlock : undefined;
}

function isBlockHash(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-f]{64}$/.test(value);
}
