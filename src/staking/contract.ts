import {
  decodeEventLog,
  decodeFunctionData,
  encodeEventTopics,
  encodeFunctionData,
  parseAbi,
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
const events = parseAbi([
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
  const eventName = kind === "stake" ? "LogStakingStaked" : "LogStakingRestaked";
  const [topic] = encodeEventTopics({ abi: events, eventName });
  return topic;
}

/** NFT id of the stake that a log says this call made; null where it tells of something else. */
export function stakeIdOf(log: Pick<RpcLog, "topics" | "data">, call: StakeCall): string | null {
  const [topic] = log.topics;
  if (topic === undefined || topic !== topicOf(call)) return null;
  const event = { abi: events, topics: [topic] as [Hex], data: log.data };
  try {
    if (call.kind === "stake") {
      const { args } = decodeEventLog({ ...event, eventName: "LogStakingStaked" });
      const isOurs = isSame(args.user, args.target, call) && `${args.amount}` === call.dipAmount;
      return isOurs ? args.id.toString() : null;
    }
    // The id is that of the new stake; the contract spells the field of its target so.
    const { args } = decodeEventLog({ ...event, eventName: "LogStakingRestaked" });
    return isSame(args.user, args.newTrget, call) ? args.stakeId.toString() : null;
  } catch {
    return null; // another contract's event of the same topic
  }
}

function isSame(user: Hex, target: bigint, call: StakeCall): boolean {
  return lowerCase(user) === call.owner && target.toString() === call.target;
}
