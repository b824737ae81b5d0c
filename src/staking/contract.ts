import {
  decodeAbiParameters,
  decodeFunctionData,
  encodeFunctionData,
  parseAbi,
  toEventSelector,
  toFunctionSelector,
} from "viem";
import type { CallEncoder } from "../activities/staking/ports.ts";
import type { Hex, RpcLog } from "../domain/chain.ts";
import type { StakeCall } from "../domain/staking/stake-call.ts";
import { lowerCase } from "./hex.ts";

// The parts of @etherisc/registry-contracts 1.2.0 that are called or read (NftId = uint96). No event argument is indexed.

const calls = parseAbi([
  "function createStakeWithSignature(address owner, uint96 target, uint256 dipAmount, bytes32 signatureId, bytes signature) returns (uint96 stakeId)",
  "function restakeWithSignature(address owner, uint96 stakeId, uint96 newTarget, bytes32 signatureId, bytes signature)",
]);
const [stakedEvent, restakedEvent] = parseAbi([
  "event LogStakingStaked(uint96 target, address user, uint96 id, uint256 amount, uint256 newBalance)",
  "event LogStakingRestaked(uint96 oldTarget, uint96 newTrget, address user, uint96 stakeId, uint256 stakingAmount)",
]);

/** Calldata of the two calls; only these ever leave with our key. */
export const callEncoder: CallEncoder = {
  encode: encodeCall,
  selectors: calls.map((item) => toFunctionSelector(item)),
};

function encodeCall(call: StakeCall): Hex {
  const { owner, signatureId, signature } = call;
  const target = BigInt(call.target);
  return call.kind === "stake"
    ? encodeFunctionData({
        abi: calls,
        functionName: "createStakeWithSignature",
        args: [owner, target, BigInt(call.dipAmount), signatureId, signature],
      })
    : encodeFunctionData({
        abi: calls,
        functionName: "restakeWithSignature",
        args: [owner, BigInt(call.stakeId), target, signatureId, signature],
      });
}

/** Whether calldata that was sent to the contract is this very call. */
export function isCall(data: Hex, call: StakeCall): boolean {
  try {
    const { functionName, args } = decodeFunctionData({ abi: calls, data });
    const [owner, first, second, signatureId, signature] = args;
    const wanted =
      call.kind === "stake" ? [call.target, call.dipAmount] : [call.stakeId, call.target];
    return (
      (functionName === "createStakeWithSignature") === (call.kind === "stake") &&
      lowerCase(owner) === call.owner &&
      first.toString() === wanted[0] &&
      second.toString() === wanted[1] &&
      signatureId === call.signatureId &&
      signature === call.signature
    );
  } catch {
    return false; // another function, or no calldata of this contract
  }
}

/** Topic of the event that a call ends with. */
export function topicOf({ kind }: StakeCall): Hex {
  return toEventSelector(kind === "stake" ? stakedEvent : restakedEvent);
}

/** NFT id of the stake that a log says this call made; null where it tells of something else. */
export function stakeIdOf(log: Pick<RpcLog, "topics" | "data">, call: StakeCall): string | null {
  const [topic] = log.topics;
  if (topic === undefined || topic !== topicOf(call)) return null;
  try {
    if (call.kind === "stake") {
      const [staked, user, id, amount] = decodeAbiParameters(stakedEvent.inputs, log.data);
      const isOurs = isSame(user, staked, call) && amount.toString() === call.dipAmount;
      return isOurs ? id.toString() : null;
    }
    // The id is that of the new stake.
    const [, newTarget, user, id] = decodeAbiParameters(restakedEvent.inputs, log.data);
    return isSame(user, newTarget, call) ? id.toString() : null;
  } catch {
    return null; // another contract's event of the same topic
  }
}

function isSame(user: Hex, target: bigint, call: StakeCall): boolean {
  return lowerCase(user) === call.owner && target.toString() === call.target;
}
