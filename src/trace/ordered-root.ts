import { RLP } from "@ethereumjs/rlp";
import { keccak_256 } from "@noble/hashes/sha3";
import type { RlpInput } from "./transaction-encoding.ts";

type Entry = { readonly nibbles: readonly number[]; readonly value: Uint8Array };

const EMPTY = new Uint8Array(0);
const HASH_BYTES = 32;

/**
 * Root, 0x + 64 hex, of the Merkle Patricia trie that holds each value under its position (yellow paper, appendix D).
 * Built from its sorted keys, each node encoded and hashed once: putting one value after another into a trie hashes
 * every branch above each of them. No value may be empty.
 */
export function orderedRoot(values: readonly Uint8Array[]): string {
  const entries = values
    .map((value, position) => ({ nibbles: toNibbles(RLP.encode(position)), value }))
    .toSorted((a, b) => compare(a.nibbles, b.nibbles));
  const root = entries.length === 0 ? EMPTY : nodeOf(entries, 0);
  return `0x${Buffer.from(keccak_256(RLP.encode(root))).toString("hex")}`;
}

/** The node that holds entries whose keys are equal up to `depth`; no key is the beginning of another. */
function nodeOf(entries: readonly Entry[], depth: number): RlpInput {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return EMPTY;
  if (first === last) return [hexPrefix(first.nibbles.slice(depth), true), first.value];
  // Of sorted keys the first and the last differ the earliest.
  let end = depth;
  while (first.nibbles[end] === last.nibbles[end]) end++;
  if (end > depth) {
    return [hexPrefix(first.nibbles.slice(depth, end), false), referenceTo(nodeOf(entries, end))];
  }
  const slots: RlpInput[] = Array.from({ length: 17 }, () => EMPTY);
  let from = 0;
  while (from < entries.length) {
    const nibble = entries[from]?.nibbles[depth] ?? 0;
    let to = from + 1;
    while (entries[to]?.nibbles[depth] === nibble) to++;
    slots[nibble] = referenceTo(nodeOf(entries.slice(from, to), depth + 1));
    from = to;
  }
  return slots;
}

/** A node inside its parent: itself while it is shorter than a hash. */
function referenceTo(node: RlpInput): RlpInput {
  const encoded = RLP.encode(node);
  return encoded.length < HASH_BYTES ? node : keccak_256(encoded);
}

/** Nibbles as bytes, with the flags of odd length and of a leaf before them. */
function hexPrefix(nibbles: readonly number[], isLeaf: boolean): Uint8Array {
  const isOdd = nibbles.length % 2 === 1;
  const flag = (isLeaf ? 2 : 0) + (isOdd ? 1 : 0);
  const all = isOdd ? [flag, ...nibbles] : [flag, 0, ...nibbles];
  return Uint8Array.from({ length: all.length / 2 }, (_, index) => {
    return (all[2 * index] ?? 0) * 16 + (all[2 * index + 1] ?? 0);
  });
}

function toNibbles(bytes: Uint8Array): number[] {
  return [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
}

function compare(a: readonly number[], b: readonly number[]): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return (a[at] ?? -1) - (b[at] ?? -1);
}
