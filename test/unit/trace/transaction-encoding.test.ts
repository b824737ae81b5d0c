import * as fc from "fast-check";
import {
  type Hex,
  keccak256,
  numberToHex,
  serializeTransaction,
  type TransactionSerializable,
} from "viem";
import { describe, expect, it } from "vitest";
import type { RpcTransaction } from "../../../src/domain/chain.ts";
import { encodeTransaction } from "../../../src/trace/transaction-encoding.ts";

const bytes = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((value): Hex => `0x${Buffer.from(value).toString("hex")}`);
const amounts = fc.bigInt({ min: 0n, max: 2n ** 90n });
const signatures = fc.bigInt({ min: 1n, max: 2n ** 255n }).map((value) => numberToHex(value));

const fields = fc.record({
  nonce: fc.nat(),
  gas: fc.bigInt({ min: 21_000n, max: 2n ** 40n }),
  value: amounts,
  tip: amounts,
  cap: fc.bigInt({ min: 2n ** 91n, max: 2n ** 92n }),
  to: bytes(20),
  data: fc
    .uint8Array({ maxLength: 80 })
    .map((value): Hex => `0x${Buffer.from(value).toString("hex")}`),
  address: bytes(20),
  slot: bytes(32),
  r: signatures,
  s: signatures,
  yParity: fc.constantFrom(0 as const, 1 as const),
});

describe("the canonical bytes of a transaction", () => {
  it.each([0, 1, 2, 3, 4])("of type %i are viem's, and so is their hash", (type) => {
    fc.assert(
      fc.property(fields, (field) => {
        const { transaction, serializable } = both(type, field);
        const { r, s, yParity } = field;
        // A legacy signature names the chain (EIP-155): 35 + 2 * 5 + parity.
        const signature = type === 0 ? { r, s, v: BigInt(45 + yParity) } : { r, s, yParity };
        const expected = serializeTransaction(serializable, signature);
        const encoded = encodeTransaction(transaction);
        expect(encoded && `0x${Buffer.from(encoded).toString("hex")}`).toBe(expected);
        expect(keccak256(encoded ?? "0x")).toBe(keccak256(expected));
      }),
      { numRuns: 40 },
    );
  });

  it("are unknown for a type that nobody knows and for a field that the node left out", () => {
    const sample = fc.sample(fields, 1)[0];
    if (!sample) throw new Error("no sample");
    const { transaction } = both(2, sample);
    expect(encodeTransaction({ ...transaction, type: "0x7e" })).toBeNull();
    expect(encodeTransaction({ ...transaction, maxFeePerGas: null })).toBeNull();
  });
});

type Fields = typeof fields extends fc.Arbitrary<infer Value> ? Value : never;

/** One transaction as JSON-RPC has it and as viem has it. */
function both(
  type: number,
  field: Fields,
): { transaction: RpcTransaction; serializable: TransactionSerializable } {
  const { nonce, gas, value, tip, cap, to, data, address, slot, r, s, yParity } = field;
  const accessList = [{ address, storageKeys: [slot] }];
  const authorization = { chainId: 5, address, nonce: 7, r, s, yParity };
  const transaction: RpcTransaction = {
    hash: slot,
    from: address,
    to,
    input: data,
    r,
    s,
    transactionIndex: "0x0",
    nonce: numberToHex(nonce),
    gas: numberToHex(gas),
    value: numberToHex(value),
    type: numberToHex(type),
    chainId: "0x5",
    v: numberToHex(type === 0 ? 45 + yParity : yParity),
    ...(type === 0
      ? { gasPrice: numberToHex(cap) }
      : { accessList, yParity: numberToHex(yParity) }),
    ...(type === 1 ? { gasPrice: numberToHex(cap) } : {}),
    ...(type >= 2
      ? { maxFeePerGas: numberToHex(cap), maxPriorityFeePerGas: numberToHex(tip) }
      : {}),
    ...(type === 3 ? { maxFeePerBlobGas: numberToHex(cap), blobVersionedHashes: [slot] } : {}),
    ...(type === 4
      ? {
          authorizationList: [
            { ...authorization, chainId: "0x5", nonce: "0x7", yParity: numberToHex(yParity) },
          ],
        }
      : {}),
  };
  const common = { chainId: 5, nonce, gas, value, to, data };
  const fees = { maxFeePerGas: cap, maxPriorityFeePerGas: tip, accessList };
  const serializables: readonly TransactionSerializable[] = [
    { ...common, type: "legacy", gasPrice: cap },
    { ...common, type: "eip2930", gasPrice: cap, accessList },
    { ...common, ...fees, type: "eip1559" },
    {
      ...common,
      ...fees,
      type: "eip4844",
      maxFeePerBlobGas: cap,
      blobVersionedHashes: [`0x01${slot.slice(4)}`],
    },
    { ...common, ...fees, type: "eip7702", authorizationList: [authorization] },
  ];
  const serializable = serializables[type];
  if (!serializable) throw new RangeError(`no type ${type}`);
  if (type === 3)
    return {
      transaction: { ...transaction, blobVersionedHashes: [`0x01${slot.slice(4)}`] },
      serializable,
    };
  return { transaction, serializable };
}
