import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { keccak256, parseTransaction, recoverTransactionAddress } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTransactionSigner } from "../../../src/staking/transaction-signer.ts";

const mnemonic = "test test test test test test test test test test test junk";
/** Account m/44'/60'/0'/0/0 of it. */
const address = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const privateKey = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const none = { mnemonic: null, mnemonicFile: null, privateKey: null, privateKeyFile: null };
const transaction = {
  chainId: 31_337,
  nonce: 7,
  to: address,
  data: "0x",
  gasLimit: 21_000n,
  maxFeePerGas: 30n,
  maxPriorityFeePerGas: 2n,
} as const;

describe("openTransactionSigner", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "blockloom-key-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };

  test("opens the same account from text and from file, mnemonic or key", async () => {
    const sources = [
      { ...none, mnemonic: `  ${mnemonic}\n` },
      { ...none, mnemonicFile: await file("mnemonic", `${mnemonic}\n`) },
      { ...none, privateKey },
      { ...none, privateKey: privateKey.slice(2) },
      { ...none, privateKeyFile: await file("key", `${privateKey}\n`) },
    ];
    for (const source of sources) {
      const signer = await openTransactionSigner(source);
      expect(signer.address).toBe(address);
    }
  });

  test("signs what it is given, the same bytes each time", async () => {
    const signer = await openTransactionSigner({ ...none, mnemonic });
    const { raw, hash } = await signer.sign(transaction);
    expect(await signer.sign(transaction)).toEqual({ raw, hash });
    expect(hash).toBe(keccak256(raw));
    if (!raw.startsWith("0x02")) throw new Error("no EIP-1559 transaction");
    const serializedTransaction: `0x02${string}` = `0x02${raw.slice(4)}`;
    const { data: _, gasLimit, ...fields } = transaction;
    expect(parseTransaction(serializedTransaction)).toMatchObject({ ...fields, gas: gasLimit });
    const sender = await recoverTransactionAddress({ serializedTransaction });
    expect(sender.toLowerCase()).toBe(address);
  });

  test("whatever prints it shows no key", async () => {
    const signer = await openTransactionSigner({ ...none, mnemonic });
    const printed = [
      JSON.stringify(signer),
      inspect(signer, { depth: 10, showHidden: true, getters: true }),
      inspect(signer),
      Object.values(signer).map(String).join(),
    ].join();
    expect(printed).not.toContain(privateKey.slice(2));
    expect(printed).not.toContain(BigInt(privateKey).toString());
    expect(printed).not.toContain("junk");
  });

  test("a key of another address than the configured one is refused", async () => {
    const other = `0x${"12".repeat(20)}` as const;
    await expect(openTransactionSigner({ ...none, mnemonic }, other)).rejects.toThrow(
      /another address/,
    );
    await expect(
      openTransactionSigner({ ...none, mnemonic }, "0xF39fD6E51aad88F6F4ce6aB8827279cffFb92266"),
    ).resolves.toMatchObject({ address });
  });

  test.each([
    ["none", none, /No signing key/],
    ["two", { ...none, mnemonic, privateKey }, /More than one/],
    ["text and file", { ...none, mnemonic, mnemonicFile: "/nowhere" }, /as text and as a file/],
    ["a file that is not there", { ...none, privateKeyFile: "/nowhere/key" }, /ENOENT/],
    ["words that are no mnemonic", { ...none, mnemonic: `${mnemonic} secret` }, /no BIP-39/],
    ["a key that is too short", { ...none, privateKey: privateKey.slice(0, 40) }, /no private key/],
    ["a key of zeros", { ...none, privateKey: `0x${"0".repeat(64)}` }, /no private key/],
  ])("%s: refused without a word of the secret", async (_what, source, words) => {
    const error: unknown = await openTransactionSigner(source).catch((fault: unknown) => fault);
    expect(error).toMatchObject({ name: "ConfigError", message: expect.stringMatching(words) });
    const printed = inspect(error, { depth: 10, showHidden: true });
    expect(printed).not.toContain("secret");
    expect(printed).not.toContain("junk");
    expect(printed).not.toContain(privateKey.slice(2, 40));
  });
});
