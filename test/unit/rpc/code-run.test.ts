import { expect, test } from "vitest";
import type { Hex, RpcBlock, RpcReceipt, RpcTransaction } from "../../../src/domain/chain.ts";
import { findCodeRuns } from "../../../src/rpc/code-run.ts";

const zero: Hex = "0x0";
const to: Hex = "0x00000000000000000000000000000000000000aa";

function transaction(hash: Hex, fields: Partial<RpcTransaction> = {}): RpcTransaction {
  return {
    hash,
    nonce: zero,
    from: to,
    to,
    value: zero,
    gas: zero,
    input: "0x",
    r: zero,
    s: zero,
    transactionIndex: zero,
    ...fields,
  };
}

function receipt(transactionHash: Hex, gasUsed: number): RpcReceipt {
  return {
    transactionHash,
    transactionIndex: zero,
    blockHash: zero,
    gasUsed: `0x${gasUsed.toString(16)}`,
    cumulativeGasUsed: zero,
    logs: [],
    logsBloom: zero,
  };
}

function block(transactions: RpcTransaction[]): RpcBlock {
  return {
    number: zero,
    hash: zero,
    parentHash: zero,
    sha3Uncles: zero,
    miner: zero,
    stateRoot: zero,
    transactionsRoot: zero,
    receiptsRoot: zero,
    logsBloom: zero,
    difficulty: zero,
    gasLimit: zero,
    gasUsed: zero,
    timestamp: zero,
    extraData: zero,
    transactions,
  };
}

test("only gas that nothing but code explains counts, and the cheapest call comes first", () => {
  const found = findCodeRuns(
    block([
      transaction("0x1"), // a transfer
      transaction("0x2", { input: "0xffffffff" }), // calldata to an account without code, at the floor price
      transaction("0x3"), // long run
      transaction("0x4", { input: "0xa9059cbb" }), // short run
      transaction("0x5", { to: null, input: "0x00" }), // a creation may run nothing
      transaction("0x6", { accessList: [{ address: to, storageKeys: [] }] }),
      transaction("0x7", { accessList: [] }),
    ]),
    [
      receipt("0x1", 21_000),
      receipt("0x2", 21_160),
      receipt("0x3", 900_000),
      receipt("0x4", 22_000),
      receipt("0x5", 900_000),
      receipt("0x6", 900_000),
      receipt("0x7", 30_000),
    ],
  );
  expect(found.map(({ transactionHash }) => transactionHash)).toEqual(["0x4", "0x7", "0x3"]);
});
