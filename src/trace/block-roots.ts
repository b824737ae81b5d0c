import { RLP } from "@ethereumjs/rlp";
import { keccak_256 } from "@noble/hashes/sha3";
import type { RpcBlock, RpcReceipt, RpcTransaction } from "../domain/chain.ts";
import { orderedRoot } from "./ordered-root.ts";
import { mismatch } from "./trace-rejected.ts";
import { bytes, encodeTransaction, quantity, type RlpInput } from "./transaction-encoding.ts";

/** What of a block's hashes was proven, and what could not be and why. */
export type RootsVerdict = {
  readonly checked: readonly string[];
  readonly unverified: readonly { readonly check: string; readonly why: string }[];
};

type Result = null | { readonly check: string; readonly why: string };

/**
 * Rule 0 of the proof: the block's hash from its header, each transaction's hash from its fields, and both roots
 * from what the node sent. A header, transaction or receipt of a kind unknown here is unverified, no failure.
 * @throws {TraceRejected} proof_mismatch where a hash contradicts.
 */
export async function verifyBlockRoots({
  block,
  receipts,
}: {
  readonly block: RpcBlock;
  readonly receipts: readonly RpcReceipt[];
}): Promise<RootsVerdict> {
  const encoded = block.transactions.map(encodeTransaction);
  const results: readonly (readonly [string, Result])[] = [
    ["header_hash", verifyHeader(block)],
    ["transaction_hashes", verifyTransactionHashes(block, encoded)],
    ["transactions_root", verifyTransactionsRoot(block, encoded)],
    ["receipts_root", verifyReceiptsRoot(block, receipts)],
  ];
  return {
    checked: results.filter(([, result]) => result === null).map(([check]) => check),
    unverified: results.flatMap(([, result]) => (result === null ? [] : [result])),
  };
}

const knownBlockKeys = new Set(
  [
    "number hash parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom",
    "difficulty totalDifficulty gasLimit gasUsed timestamp extraData mixHash nonce baseFeePerGas",
    "withdrawalsRoot blobGasUsed excessBlobGas parentBeaconBlockRoot requestsHash size uncles",
    "transactions withdrawals author",
  ].flatMap((line) => line.split(" ")),
);

function verifyHeader(block: RpcBlock): Result {
  const hash = keccak(RLP.encode(headerFields(block)));
  if (hash === block.hash.toLowerCase()) return null;
  const unknown = Object.keys(block).filter((key) => !knownBlockKeys.has(key));
  if (unknown.length > 0 || !block.mixHash || !block.nonce) {
    const fields = unknown.length > 0 ? unknown.join(", ") : "no mixHash or nonce";
    return { check: "header_hash", why: `a header of unknown fields (${fields})` };
  }
  throw mismatch("header_hash", { expected: block.hash, actual: hash });
}

function headerFields(block: RpcBlock): RlpInput[] {
  const optional = [
    block.baseFeePerGas && quantity(block.baseFeePerGas),
    block.withdrawalsRoot && bytes(block.withdrawalsRoot),
    block.blobGasUsed && quantity(block.blobGasUsed),
    block.excessBlobGas && quantity(block.excessBlobGas),
    block.parentBeaconBlockRoot && bytes(block.parentBeaconBlockRoot),
    block.requestsHash && bytes(block.requestsHash),
  ];
  return [
    bytes(block.parentHash),
    bytes(block.sha3Uncles),
    bytes(block.miner),
    bytes(block.stateRoot),
    bytes(block.transactionsRoot),
    bytes(block.receiptsRoot),
    bytes(block.logsBloom),
    quantity(block.difficulty),
    quantity(block.number),
    quantity(block.gasLimit),
    quantity(block.gasUsed),
    quantity(block.timestamp),
    bytes(block.extraData),
    ...(block.mixHash ? [bytes(block.mixHash)] : []),
    ...(block.nonce ? [bytes(block.nonce)] : []),
    ...optional.filter((field) => field instanceof Uint8Array),
  ];
}

function verifyTransactionHashes(block: RpcBlock, encoded: readonly (Uint8Array | null)[]): Result {
  let unverified: Result = null;
  for (const [position, transaction] of block.transactions.entries()) {
    if (Number(transaction.transactionIndex) !== position) {
      throw mismatch("transaction_index", {
        expected: position,
        actual: transaction.transactionIndex,
        transactionIndex: position,
      });
    }
    const payload = encoded[position];
    if (!payload) {
      unverified = { check: "transaction_hashes", why: unknownType(transaction) };
      continue;
    }
    const hash = keccak(payload);
    if (hash === transaction.hash.toLowerCase()) continue;
    if (!isImpersonated(transaction)) {
      throw mismatch("transaction_hash", {
        expected: transaction.hash,
        actual: hash,
        transactionIndex: position,
      });
    }
    unverified = {
      check: "transaction_hashes",
      why: `transaction ${position} was sent without a signature (anvil impersonation)`,
    };
  }
  return unverified;
}

/** anvil signs for accounts it has no key of with r = s = 1 and hashes the sender in. */
function isImpersonated(transaction: RpcTransaction): boolean {
  return BigInt(transaction.r) <= 1n && BigInt(transaction.s) <= 1n;
}

function unknownType(transaction: RpcTransaction): string {
  return `a transaction of unknown type or fields (type ${transaction.type ?? "none"})`;
}

function verifyTransactionsRoot(block: RpcBlock, encoded: readonly (Uint8Array | null)[]): Result {
  const known = encoded.filter((payload) => payload !== null);
  const unknown = block.transactions[encoded.indexOf(null)];
  if (unknown) return { check: "transactions_root", why: unknownType(unknown) };
  const root = orderedRoot(known);
  if (root === block.transactionsRoot.toLowerCase()) return null;
  throw mismatch("transactions_root", { expected: block.transactionsRoot, actual: root });
}

function verifyReceiptsRoot(block: RpcBlock, receipts: readonly RpcReceipt[]): Result {
  if (receipts.length !== block.transactions.length) {
    throw mismatch("receipts", { expected: block.transactions.length, actual: receipts.length });
  }
  const encoded: Uint8Array[] = [];
  for (const [position, receipt] of receipts.entries()) {
    const type = Number(receipt.type ?? block.transactions[position]?.type ?? "0x0");
    if (type > 4 || !(receipt.status || receipt.root)) {
      return { check: "receipts_root", why: `a receipt of unknown type or fields (type ${type})` };
    }
    encoded.push(encodeReceipt(type, receipt));
  }
  const root = orderedRoot(encoded);
  if (root === block.receiptsRoot.toLowerCase()) return null;
  throw mismatch("receipts_root", { expected: block.receiptsRoot, actual: root });
}

/** Before Byzantium the state root stands in place of the status. */
function encodeReceipt(type: number, receipt: RpcReceipt): Uint8Array {
  const outcome = receipt.status ? quantity(receipt.status) : bytes(receipt.root ?? "0x");
  const payload = RLP.encode([
    outcome,
    quantity(receipt.cumulativeGasUsed),
    bytes(receipt.logsBloom),
    receipt.logs.map(({ address, topics, data }) => [
      bytes(address),
      topics.map(bytes),
      bytes(data),
    ]),
  ]);
  return type === 0 ? payload : Buffer.concat([Uint8Array.of(type), payload]);
}

function keccak(data: Uint8Array): string {
  return `0x${Buffer.from(keccak_256(data)).toString("hex")}`;
}
