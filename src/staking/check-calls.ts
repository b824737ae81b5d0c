import { recoverTypedDataAddress } from "viem";
import type { Hex } from "../domain/chain.ts";
import { classifyRevert, verdictOfRevert } from "../domain/staking/revert-class.ts";
import { type Revert, readRevert } from "../domain/staking/revert-reason.ts";
import { canonicalSignature } from "../domain/staking/signature-form.ts";
import type { CheckVerdict, StakeCall } from "../domain/staking/stake-call.ts";
import { callEncoder } from "./contract.ts";
import type { ContractParts } from "./contract-parts.ts";
import { lockedUntilView, ownerView } from "./contract-views.ts";
import { findUse } from "./find-use.ts";
import { lowerCase } from "./hex.ts";
import { RpcRefusal } from "./node-refusal.ts";
import {
  isLimit,
  type RpcCall,
  readQuantity,
  refusedBy,
  type StakingNode,
  toQuantity,
} from "./staking-node.ts";
import { toTypedData } from "./typed-data.ts";
import { usedSlot } from "./use-block.ts";

export type CheckContext = {
  readonly chainId: number;
  readonly contractAddress: Hex;
  readonly parts: ContractParts;
  /** The account that will send, lower case. */
  readonly sender: Hex;
  /** Blocks on top of one that make it final; null: what the node calls finalized. */
  readonly confirmations: number | null;
};

/** A fifth more than the estimate: the state moves between the look and the block, and what is not used returns. */
const gasMarginPercent = 120n;

/** Why a signature is not its owner's; null where it is. Needs no node. */
export async function refuseSignature(
  call: StakeCall,
  { chainId, parts }: Pick<CheckContext, "chainId" | "parts">,
): Promise<CheckVerdict | null> {
  const form = canonicalSignature(call.signature);
  if (form.kind === "refused") {
    return { kind: "refused", reason: form.reason, mayBeAskedAgain: false };
  }
  const domain = { chainId, messageHelper: parts.messageHelper };
  const typedData = toTypedData(call, domain);
  const signer = await recoverTypedDataAddress({ ...typedData, signature: form.signature }).catch(
    () => null, // no point of the curve
  );
  if (signer !== null && lowerCase(signer) === call.owner) return null;
  const { reason } = classifyRevert("SMH-002:");
  return { kind: "refused", reason, mayBeAskedAgain: false };
}

/** What one node says of requests whose signatures are their owners', in their order. */
export async function lookAtCalls(
  node: StakingNode,
  calls: readonly StakeCall[],
  context: CheckContext,
  signal?: AbortSignal,
): Promise<readonly CheckVerdict[]> {
  const questions = calls.map((call) => questionsOf(call, context));
  const answers = await node.ask(questions.flat(), { signal });
  let at = 0;
  const looks = questions.map(({ length }) => answers.slice(at, (at += length)));
  return Promise.all(
    calls.map((call, index) => judge(node, call, looks[index] ?? [], context, signal)),
  );
}

/** All at `latest`, said so: what is pending may be dropped. */
function questionsOf(call: StakeCall, { contractAddress, parts, sender }: CheckContext): RpcCall[] {
  const transaction = { from: sender, to: contractAddress, data: callEncoder.encode(call) };
  const slot = usedSlot(call.signature);
  const shared = [
    { method: "eth_getStorageAt", params: [parts.messageHelper, slot, "latest"] },
    { method: "eth_call", params: [transaction, "latest"] },
    { method: "eth_estimateGas", params: [transaction, "latest"] },
  ];
  if (call.kind === "stake") return shared;
  const owner = ownerView(parts.registry, call.stakeId);
  const lockedUntil = lockedUntilView(contractAddress, call.stakeId);
  return [...shared, owner.request, lockedUntil.request];
}

async function judge(
  node: StakingNode,
  call: StakeCall,
  answers: readonly unknown[],
  context: CheckContext,
  signal: AbortSignal | undefined,
): Promise<CheckVerdict> {
  const [used, simulated, estimated, owner, lockedUntil] = answers;
  const storage = { node: node.name, method: "eth_getStorageAt" };
  if (readQuantity(used, storage) !== 0n) {
    return (await isUseFinal(node, call, context, signal))
      ? judgeUse(node, call, context, signal)
      : useNotFinal;
  }
  const theft = refuseStranger(node, call, owner, context.parts);
  if (theft !== null) return theft;
  const revert =
    revertOf(node, "eth_call", simulated) ?? revertOf(node, "eth_estimateGas", estimated);
  if (revert !== null) {
    // Used between the two questions.
    if (classifyRevert(revert.reason).class === "signature_used") return useNotFinal;
    const unlockedAt = readUnlockedAt(call, lockedUntil, context.contractAddress);
    return judgeRevert(node, call, { revert, unlockedAt }, context, signal);
  }
  const gas = readQuantity(estimated, { node: node.name, method: "eth_estimateGas" });
  return { kind: "ready", gasLimit: ((gas * gasMarginPercent) / 100n).toString() };
}

/** What a revert's reason means for the request; a used signature is looked up, never taken for success. */
export async function judgeRevert(
  node: StakingNode,
  call: StakeCall,
  { revert, unlockedAt }: { readonly revert: Revert; readonly unlockedAt: string | null },
  context: CheckContext,
  signal?: AbortSignal,
): Promise<CheckVerdict> {
  const classified = classifyRevert(revert.reason);
  return classified.class === "signature_used"
    ? judgeUse(node, call, context, signal)
    : verdictOfRevert({ class: classified.class, reason: classified.reason }, unlockedAt);
}

async function judgeUse(
  node: StakingNode,
  call: StakeCall,
  { contractAddress, parts, sender }: CheckContext,
  signal: AbortSignal | undefined,
): Promise<CheckVerdict> {
  const { messageHelper } = parts;
  const use = await findUse(node, { contractAddress, messageHelper, call }, signal);
  if (use === null) return { kind: "burned", transactionHash: null };
  const { transactionHash, stakeId, from } = use;
  return { kind: "fulfilled", transactionHash, stakeId, byUs: from === sender };
}

const useNotFinal: CheckVerdict = {
  kind: "wait",
  reason: {
    code: "SIGNATURE_USED",
    message: "This signature was used; what came of it counts once it is final.",
  },
  for: "chain",
  notBefore: null,
};

/** A reorg can take the use back, and with it what the user was told; a node without the old state cannot say. */
async function isUseFinal(
  node: StakingNode,
  { signature }: StakeCall,
  { parts, confirmations }: CheckContext,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let at = "finalized";
  if (confirmations !== null) {
    const method = "eth_blockNumber";
    const [head] = await node.ask([{ method, params: [] }], { signal });
    const number = readQuantity(head, { node: node.name, method }) - BigInt(confirmations);
    if (number < 0n) return false;
    at = toQuantity(number);
  }
  const method = "eth_getStorageAt";
  const params = [parts.messageHelper, usedSlot(signature), at];
  const [answer] = await node.ask([{ method, params }], { signal });
  if (answer instanceof RpcRefusal && isLimit(answer)) throw refusedBy(node.name, method, answer);
  return answer instanceof RpcRefusal || readQuantity(answer, { node: node.name, method }) !== 0n;
}

/** The contract does not ask whose stake it moves: without this a stranger's signature moves it to her. */
function refuseStranger(
  node: StakingNode,
  call: StakeCall,
  answer: unknown,
  { registry }: ContractParts,
): CheckVerdict | null {
  if (call.kind === "stake") return null;
  // Not the contract's answer, such as that of a node that is asked too often: it says nothing of the stake.
  revertOf(node, "eth_call", answer);
  const owner = ownerView(registry, call.stakeId).read(answer);
  if (owner === call.owner) return null;
  const reason =
    owner === null
      ? classifyRevert("STK-190:").reason
      : { code: "NOT_STAKE_OWNER", message: "The stake does not belong to the one who signed." };
  return { kind: "refused", reason, mayBeAskedAgain: false };
}

function revertOf(node: StakingNode, method: string, answer: unknown): Revert | null {
  if (!(answer instanceof RpcRefusal)) return null;
  const revert = readRevert(answer);
  if (revert === null) throw refusedBy(node.name, method, answer);
  return revert;
}

function readUnlockedAt(call: StakeCall, answer: unknown, contractAddress: Hex): string | null {
  if (call.kind === "stake") return null;
  const seconds = lockedUntilView(contractAddress, call.stakeId).read(answer);
  return seconds === null || seconds === 0 ? null : new Date(seconds * 1000).toISOString();
}
