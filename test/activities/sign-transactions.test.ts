import { decodeFunctionData, parseAbi, parseTransaction } from "viem";
import { beforeAll, describe, expect, test } from "vitest";
import type { TransactionSigner } from "../../src/activities/staking/ports.ts";
import { createSignTransactions } from "../../src/activities/staking/sign-transactions.ts";
import { callEncoder } from "../../src/staking/contract.ts";
import { openTransactionSigner } from "../../src/staking/transaction-signer.ts";
import type { UnsignedTransaction } from "../../src/workflows/staking/stake-activities.ts";
import { runActivity } from "../support/staking-activities.ts";

const contractAddress = `0x${"c0".repeat(20)}` as const;
const call = {
  kind: "stake",
  owner: `0x${"aa".repeat(20)}`,
  target: "73133705",
  dipAmount: "5000",
  signatureId: `0x${"01".repeat(32)}`,
  signature: `0x${"11".repeat(64)}1b`,
} as const;
const item: UnsignedTransaction = {
  nonce: 3,
  gasLimit: "900000",
  maxFeePerGasWei: "30000000000",
  maxPriorityFeePerGasWei: "1500000000",
  call,
};

describe("signTransactions", () => {
  let signer: TransactionSigner;
  let signed = 0;
  beforeAll(async () => {
    const key = await openTransactionSigner({
      mnemonic: null,
      mnemonicFile: null,
      privateKey: `0x${"17".repeat(32)}`,
      privateKeyFile: null,
    });
    signer = {
      address: key.address,
      sign: (transaction) => {
        signed += 1;
        return key.sign(transaction);
      },
    };
  });
  const sign = (
    items: readonly UnsignedTransaction[],
    input: { chainId?: number; address?: `0x${string}` } = {},
    encoder = callEncoder,
  ) => {
    signed = 0;
    const chainId = 31_337;
    const feeCapWei = 30_000_000_000n;
    const activity = createSignTransactions({
      signer,
      encoder,
      chainId,
      contractAddress,
      feeCapWei,
    });
    return runActivity(activity, { chainId, address: signer.address, items, ...input }).result;
  };

  test("signs a stake on the one contract, with all that was asked", async () => {
    const { items } = await sign([item]);
    const raw = items[0]?.raw.slice(4) ?? "";
    const { to, data = "0x", ...fields } = parseTransaction(`0x02${raw}`);
    expect(to?.toLowerCase()).toBe(contractAddress);
    expect(fields).toMatchObject({
      chainId: 31_337,
      nonce: 3,
      gas: 900_000n,
      maxFeePerGas: 30_000_000_000n,
      maxPriorityFeePerGas: 1_500_000_000n,
    });
    expect(fields.value ?? 0n).toBe(0n);
    const abi = parseAbi([
      "function createStakeWithSignature(address owner, uint96 target, uint256 dipAmount, bytes32 signatureId, bytes signature)",
    ]);
    const { args } = decodeFunctionData({ abi, data });
    expect(args.slice(1)).toEqual([73_133_705n, 5000n, call.signatureId, call.signature]);
  });

  test("an abandoned nonce becomes an empty transfer to itself", async () => {
    const { items } = await sign([{ ...item, gasLimit: "21000", call: null }]);
    const { to, data, value } = parseTransaction(`0x02${items[0]?.raw.slice(4) ?? ""}`);
    expect([to?.toLowerCase(), data, value]).toEqual([signer.address, undefined, undefined]);
  });

  test("the same items give the same bytes again", async () => {
    const items = [item, { ...item, nonce: 4, call: null }];
    expect(await sign(items)).toEqual(await sign(items));
  });

  const wrongs: readonly (readonly [string, Partial<UnsignedTransaction>])[] = [
    ["a fee above its own cap", { maxFeePerGasWei: "30000000001" }],
    ["a tip above the fee", { maxPriorityFeePerGasWei: "30000000001" }],
    ["a negative nonce", { nonce: -1 }],
    ["a fee that is no number", { maxFeePerGasWei: "-1" }],
    ["a call that is not canonical", { call: { ...call, signature: `0x${"11".repeat(64)}` } }],
    ["an amount that is no number", { call: { ...call, dipAmount: "0x10" } }],
  ];
  test.each(wrongs)("%s is refused, and nothing of the batch is signed", async (_what, change) => {
    const wrong = { ...item, ...change };
    await expect(sign([item, wrong])).rejects.toMatchObject({
      name: "SigningRefusedError",
      retryable: false,
    });
    expect(signed).toBe(0);
  });

  test("another chain and another address are refused", async () => {
    const refusal = { name: "SigningRefusedError" };
    await expect(sign([item], { chainId: 1 })).rejects.toMatchObject(refusal);
    await expect(sign([item], { address: contractAddress })).rejects.toMatchObject(refusal);
  });

  test("another function of the contract is refused", async () => {
    const encoder = { ...callEncoder, encode: () => "0xf2fde38b" as const }; // transferOwnership
    await expect(sign([item], {}, encoder)).rejects.toThrow(/0xf2fde38b/);
    expect(signed).toBe(0);
  });

  test("a refusal says nothing of the user's signature", async () => {
    const error = await sign([{ ...item, maxFeePerGasWei: "99000000000" }]).catch(String);
    expect(error).not.toContain("11111111");
  });
});
