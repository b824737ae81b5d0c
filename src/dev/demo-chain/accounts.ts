import { type Address, toHex } from "viem";
import { mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { anvilMnemonic } from "../anvil.ts";

/** Every account of the traffic, with its key: a node that does not hold the keys gets signed transactions. */
export const accounts = Array.from({ length: 10 }, (_, addressIndex) =>
  mnemonicToAccount(anvilMnemonic, { addressIndex }),
);
const [first, ...others] = accounts.map((account) => account.address);
const lastKey = accounts.at(-1)?.getHdKey().privateKey;
if (first === undefined || !lastKey) throw new Error("no accounts");

/** Deploys the contracts and does nothing else. */
export const deployer: Address = first;
/** Sign the traffic; anvil holds their keys. */
export const senders: readonly Address[] = others.slice(0, -1);
/** Signs authorizations of EIP-7702 and sends nothing itself. */
export const authority = privateKeyToAccount(toHex(lastKey));
