import { type ConfigFile, type WorkerRole, workerRoles } from "./schema.ts";

type Settings = Pick<ConfigFile, "networks" | "staking">;

/** Roles that the rest of the configuration makes possible; a key only where this process is to sign. */
export function possibleRoles({ networks, staking }: Settings): readonly WorkerRole[] {
  const needs: Readonly<Record<WorkerRole, boolean>> = {
    index: Object.keys(networks).length > 0,
    stake: staking !== null,
    sign: staking !== null && hasKey(staking.signer),
  };
  return workerRoles.filter((role) => needs[role]);
}

type Signer = NonNullable<ConfigFile["staking"]>["signer"];

function hasKey({ mnemonic, mnemonicFile, privateKey, privateKeyFile }: Signer): boolean {
  return [mnemonic, mnemonicFile, privateKey, privateKeyFile].some((source) => source !== null);
}

/** What a role lacks that was asked for, in words. */
export function explainMissingRole(role: WorkerRole): string {
  const needs: Readonly<Record<WorkerRole, string>> = {
    index: "needs a network (NETWORK and RPC_URL, or networks in blockloom.yaml)",
    stake: "needs the staking service (STAKING_ADDRESS, CHAIN_RPC_URL)",
    sign: "needs the key (PROCESSOR_MNEMONIC, PROCESSOR_PRIVATE_KEY, or a file of either)",
  };
  return `the role ${role} ${needs[role]}`;
}
