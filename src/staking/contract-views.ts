import { decodeFunctionResult, encodeFunctionData, hashTypedData, parseAbi } from "viem";
import type { Hex } from "../domain/chain.ts";
import { isHex, lowerCase } from "./hex.ts";
import type { RpcCall } from "./staking-node.ts";
import { type SignatureDomain, toTypedData } from "./typed-data.ts";

/** A reading of a contract at `latest`. */
export type View<Answer> = {
  readonly request: RpcCall;
  /** null: the contract reverts, or there is none. */
  readonly read: (answer: unknown) => Answer | null;
};

const stakingAbi = parseAbi([
  "function getMessageHelperAddress() view returns (address)",
  "function getRegistry() view returns (address)",
  "function getInfo(uint96 id) view returns ((uint96 id, uint96 target, uint256 stakeBalance, uint256 rewardBalance, uint40 createdAt, uint40 updatedAt, uint48 version, uint40 lockedUntil) info)",
]);
const registryAbi = parseAbi(["function ownerOf(uint96 id) view returns (address)"]);
const helperAbi = parseAbi([
  "function getStakeDigest(uint96 target, uint256 dipAmount, bytes32 signatureId) view returns (bytes32)",
]);

export function messageHelperView(staking: Hex): View<Hex> {
  const call = { abi: stakingAbi, functionName: "getMessageHelperAddress" } as const;
  return view(staking, encodeFunctionData(call), (data) =>
    lowerCase(decodeFunctionResult({ ...call, data })),
  );
}

export function registryView(staking: Hex): View<Hex> {
  const call = { abi: stakingAbi, functionName: "getRegistry" } as const;
  return view(staking, encodeFunctionData(call), (data) =>
    lowerCase(decodeFunctionResult({ ...call, data })),
  );
}

/** When a stake is free, seconds since 1970; 0: it has no date. */
export function lockedUntilView(staking: Hex, stakeId: string): View<number> {
  const call = { abi: stakingAbi, functionName: "getInfo", args: [BigInt(stakeId)] } as const;
  return view(
    staking,
    encodeFunctionData(call),
    (data) => decodeFunctionResult({ ...call, data }).lockedUntil,
  );
}

export function ownerView(registry: Hex, nftId: string): View<Hex> {
  const call = { abi: registryAbi, functionName: "ownerOf", args: [BigInt(nftId)] } as const;
  return view(registry, encodeFunctionData(call), (data) =>
    lowerCase(decodeFunctionResult({ ...call, data })),
  );
}

/** Whether the helper counts signatures of this domain: it makes the digest of a sample as we do. */
export function domainView(domain: SignatureDomain): View<boolean> {
  const signatureId: Hex = `0x${"01".repeat(32)}`;
  const sample = { kind: "stake", target: "1", dipAmount: "1", signatureId } as const;
  const call = { abi: helperAbi, functionName: "getStakeDigest" } as const;
  const data = encodeFunctionData({ ...call, args: [1n, 1n, signatureId] });
  const expected = hashTypedData(toTypedData(sample, domain));
  return view(
    domain.messageHelper,
    data,
    (answer) => decodeFunctionResult({ ...call, data: answer }) === expected,
  );
}

function view<Answer>(to: Hex, data: Hex, decode: (data: Hex) => Answer): View<Answer> {
  return {
    request: { method: "eth_call", params: [{ to, data }, "latest"] },
    read: (answer) => {
      if (!isHex(answer) || answer === "0x") return null;
      try {
        return decode(answer);
      } catch {
        return null; // another contract's answer
      }
    },
  };
}
