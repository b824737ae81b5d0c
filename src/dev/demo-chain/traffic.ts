import { type Address, type Hex, numberToHex } from "viem";
import { authority, senders } from "./accounts.ts";
import type { Contracts } from "./contracts.ts";
import { createRandom, type Random } from "./random.ts";
import {
  type Action,
  loop,
  type MakeAction,
  ordinaryKinds,
  rareKinds,
  swapKinds,
} from "./traffic-kinds.ts";

/** The fields that tell a transaction's type apart. */
type Pricing =
  | { readonly type: "0x0"; readonly gasPrice: Hex }
  | { readonly type: "0x1"; readonly gasPrice: Hex; readonly accessList: readonly AccessItem[] }
  | {
      readonly type: "0x2";
      readonly maxFeePerGas: Hex;
      readonly maxPriorityFeePerGas: Hex;
      readonly accessList?: readonly AccessItem[];
    };
type AccessItem = { readonly address: Address; readonly storageKeys: readonly Hex[] };

/** A transaction without its nonce. */
export type PlannedTransaction = {
  readonly kind: string;
  readonly from: Address;
  readonly action: Action;
  readonly pricing: Pricing;
};

const gwei = 10n ** 9n;
const rareNames = Object.keys(rareKinds);
const rare: readonly MakeAction[] = Object.values(rareKinds);
/** So many blocks in a row show every rare kind, empty blocks and blocks of plain transfers. */
export const cycleBlocks = Math.ceil((rareNames.length * 12) / 10);

/**
 * The transactions of one block: the same for the same seed and number. One block in twelve is empty, one has plain
 * transfers only; the others have swaps, a loop, ordinary traffic and one rare kind.
 */
export function planBlock(plan: {
  readonly seed: number;
  readonly blockNumber: number;
  readonly contracts: Contracts;
}): PlannedTransaction[] {
  const random = createRandom(plan.seed, plan.blockNumber);
  const place = plan.blockNumber % 12;
  if (place === 5) return [];
  const kinds: [string, MakeAction][] =
    place === 11
      ? repeat(random.between(1, 4), () => ["etherTransfer", ordinaryKinds.etherTransfer])
      : usualBlock(random, plan.blockNumber);
  return kinds.map(([kind, make]) => {
    const from = random.pick(asNonEmpty(senders));
    const { contracts, blockNumber } = plan;
    const action = make({
      contracts,
      random,
      sender: from,
      blockNumber,
      authority: authority.address,
    });
    return { kind, from, action, pricing: priceOf(random, action) };
  });
}

function usualBlock(random: Random, blockNumber: number): [string, MakeAction][] {
  const ordinary = asNonEmpty(Object.entries(ordinaryKinds));
  const swaps = asNonEmpty(Object.entries(swapKinds));
  // Two of twelve blocks have no rare kind: counted out, so that the turn goes through all of them.
  const turn = blockNumber - 2 * Math.floor(blockNumber / 12) - (blockNumber % 12 > 5 ? 1 : 0);
  const index = turn % rare.length;
  return [
    ...repeat(random.between(0, 1), () => random.pick(swaps)),
    ...repeat(random.between(1, 3), () => random.pick(ordinary)),
    [rareNames[index] ?? "", rare[index] ?? loop(1)],
    ["loop", loop(random.between(30, 120))],
  ];
}

function priceOf(random: Random, action: Action): Pricing {
  const dice = random.between(1, 10);
  const gasPrice = numberToHex(2n * gwei + BigInt(random.between(0, 1000)));
  const accessList =
    action.to === null ? [] : [{ address: action.to, storageKeys: [slot(0), slot(1)] }];
  if (action.delegateTo === undefined && dice <= 2) return { type: "0x0", gasPrice };
  if (action.delegateTo === undefined && dice === 3 && action.gas > 30_000) {
    return { type: "0x1", gasPrice, accessList };
  }
  const fees = {
    maxFeePerGas: numberToHex(3n * gwei),
    maxPriorityFeePerGas: numberToHex(gwei + BigInt(random.between(0, 1000))),
  };
  return { type: "0x2", ...fees, ...(dice === 4 && action.gas > 30_000 ? { accessList } : {}) };
}

const slot = (index: number): Hex => numberToHex(index, { size: 32 });

function repeat<Item>(count: number, make: () => Item): Item[] {
  return Array.from({ length: count }, make);
}

function asNonEmpty<Item>(items: readonly Item[]): readonly [Item, ...Item[]] {
  const [first, ...rest] = items;
  if (first === undefined) throw new Error("an empty list");
  return [first, ...rest];
}
