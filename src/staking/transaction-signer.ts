import { readFile } from "node:fs/promises";
import { keccak256 } from "viem";
import { type LocalAccount, mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import type { TransactionSigner, TransactionToSign } from "../activities/staking/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { ConfigError } from "../errors.ts";
import { isHex, lowerCase } from "./hex.ts";

/** Where the key is; exactly one of the four is set. */
export type KeySource = {
  readonly mnemonic: string | null;
  readonly mnemonicFile: string | null;
  readonly privateKey: string | null;
  readonly privateKeyFile: string | null;
};

/**
 * Opens the key of a mnemonic (account m/44'/60'/0'/0/0, as the reference's) or a private key, from text or file.
 * @param address - what the key must belong to; null: whatever it belongs to.
 * @throws {ConfigError} Without a word of the secret.
 */
export async function openTransactionSigner(
  source: KeySource,
  address: Hex | null = null,
): Promise<TransactionSigner> {
  const signer = createTransactionSigner(await readAccount(source));
  if (address !== null && lowerCase(address) !== signer.address) {
    throw new ConfigError("The signing key belongs to another address.", {
      facts: [`STAKING_SIGNER_ADDRESS: ${address}`, `address of the key: ${signer.address}`],
      fix: "give the key of that address, or leave STAKING_SIGNER_ADDRESS away.",
    });
  }
  return signer;
}

/** A key in this process. It stands in a closure: nothing that prints the signer can show it. */
function createTransactionSigner(account: LocalAccount): TransactionSigner {
  return {
    address: lowerCase(account.address),
    sign: async (transaction) => {
      const raw = await account.signTransaction(toViem(transaction));
      return { raw, hash: keccak256(raw) };
    },
  };
}

function toViem({ gasLimit, ...transaction }: TransactionToSign) {
  return { ...transaction, type: "eip1559", gas: gasLimit, value: 0n } as const;
}

async function readAccount(source: KeySource): Promise<LocalAccount> {
  const mnemonic = await readSecret(source.mnemonic, source.mnemonicFile);
  const privateKey = await readSecret(source.privateKey, source.privateKeyFile);
  if (mnemonic !== null && privateKey === null) return fromMnemonic(mnemonic);
  if (privateKey !== null && mnemonic === null) return fromPrivateKey(privateKey);
  const what = mnemonic === null ? "No signing key is set." : "More than one signing key is set.";
  throw new ConfigError(what, {
    fix: "set one of PROCESSOR_MNEMONIC, PROCESSOR_MNEMONIC_FILE, PROCESSOR_PRIVATE_KEY, PROCESSOR_PRIVATE_KEY_FILE.",
  });
}

async function readSecret(text: string | null, file: string | null): Promise<string | null> {
  if (text !== null && file !== null) {
    throw new ConfigError("A signing key is set both as text and as a file.", {
      fix: "keep the file and leave the text away.",
    });
  }
  if (file === null) return text?.trim() ?? null;
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ConfigError("The file of the signing key cannot be read.", {
      facts: [`file: ${file}`, code],
      fix: "check its path and that this user may read it.",
    });
  }
}

/** The causes of the two below would hold the secret. */
function fromMnemonic(mnemonic: string): LocalAccount {
  try {
    return mnemonicToAccount(mnemonic.replaceAll(/\s+/g, " "));
  } catch {
    throw new ConfigError("The signing mnemonic is no BIP-39 mnemonic.", {
      fix: "check its words and their order; it is not shown here.",
    });
  }
}

function fromPrivateKey(text: string): LocalAccount {
  const key = text.startsWith("0x") ? text : `0x${text}`;
  try {
    if (!isHex(key)) throw new TypeError("not hexadecimal");
    return privateKeyToAccount(key);
  } catch {
    throw new ConfigError("The signing key is no private key.", {
      fix: "give 32 bytes in hexadecimal; it is not shown here.",
    });
  }
}
