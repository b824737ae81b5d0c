import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Abi } from "viem";
import { z } from "zod";

export type ContractArtifact = { readonly abi: Abi; readonly bytecode: `0x${string}` };

/** What Brownie writes; its bytecode has no 0x. */
const brownieArtifact = z.object({
  abi: z.custom<Abi>((abi) => Array.isArray(abi)),
  bytecode: z.string().regex(/^[0-9a-f]+$/),
});
const proxy =
  "dependencies/OpenZeppelin/openzeppelin-contracts@4.8.2/TransparentUpgradeableProxy" as const;

export type ContractName =
  | "ChainNft"
  | "ChainRegistryV01"
  | "DIP"
  | "MockInstance"
  | "OwnableProxyAdmin"
  | "RewardHelper"
  | "StakingMessageHelper"
  | "StakingV03"
  | "USD2"
  | typeof proxy;

export const proxyContract: ContractName = proxy;

/** Reads one contract of the real package. @throws {Error} Where npm's development packages are not installed. */
export function readArtifact(name: ContractName): ContractArtifact {
  const text = readFileSync(join(findPackage(), "build", "contracts", `${name}.json`), "utf8");
  const { abi, bytecode } = brownieArtifact.parse(JSON.parse(text));
  return { abi, bytecode: `0x${bytecode}` };
}

function findPackage(): string {
  const name = "@etherisc/registry-contracts";
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (cause) {
    throw new Error(
      `npm's package ${name} is not installed.\n  Fix: run \`npm ci\` without --omit=dev.`,
      { cause },
    );
  }
}
