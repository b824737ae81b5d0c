import { standingWords } from "../../domain/staking/standing.ts";
import { etherDecimals, formatUnits, gweiDecimals } from "../../domain/staking/units.ts";
import {
  describeDifference,
  type PolicyDifference,
  setPolicyCommand,
} from "../../staking/policy-difference.ts";
import type { Submission } from "../../staking/submit-call.ts";
import type { StakeBridgeProgress } from "../../workflows/staking/bridge-shapes.ts";
import type { StakeRequestStatus } from "../../workflows/staking/request-shapes.ts";
import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";
import type { StakingJob, StakingStatus } from "../staking-status.ts";
import { formatCount, formatFields, formatTable } from "./format.ts";

type Field = readonly [string, string];

/** The last part of a request's id: keccak256 of the signature. */
export function hashOf(requestId: string): string {
  return requestId.slice(requestId.lastIndexOf("/") + 1);
}

export function formatTaken({
  requestId,
  isNew,
  state,
}: Extract<Submission, { kind: "taken" }>): string {
  const id = hashOf(requestId);
  return isNew ? `Took ${id}; it is ${state}.` : `Known already: ${id}, ${state}.`;
}

/** A request in a line of `name value` pairs. */
export function formatRequest(status: StakeRequestStatus, link: string | null): string {
  const { reason, nonce, transactionHash, blockNumber, gasUsed, stakeId } = status;
  const { revertedTransaction: reverted } = status;
  const optional: readonly (readonly [string, string | number | null])[] = [
    [
      status.state === "cancelled" || status.state === "expired" ? "waited for" : "reason",
      reason && `${reason.code}: ${reason.message}`,
    ],
    ["nonce", nonce],
    ["transaction", transactionHash],
    ["block", blockNumber],
    ["gas", gasUsed],
    ["stake", stakeId && `NFT ${stakeId}`],
    ["reverted", reverted ? `${reverted.transactionHash}, nonce ${reverted.nonce}` : null],
    ["UI", link],
  ];
  return formatFields([
    ["request", hashOf(status.requestId)],
    ["what", `${status.kind} of ${status.owner} on ${status.target}`],
    ["state", `${status.state}${status.isFinal ? ", final" : ""}`],
    ["received", status.receivedAt],
    status.isFinal ? ["ended", status.updatedAt] : ["expires", status.expiresAt],
    ...optional.flatMap(([name, value]): Field[] =>
      value === null ? [] : [[name, String(value)]],
    ),
  ]);
}

/** A signer with what it has under way. */
export function formatSigner(
  status: SignerStatus,
  link: string | null,
  differences: readonly PolicyDifference[],
): string {
  const { policy, counts, slots } = status;
  const fields = formatFields([
    ["signer", `${status.address} on chain ${status.chainId}`],
    [
      "state",
      status.standsStill
        ? `${status.standsStill}: ${standingWords[status.standsStill]}`
        : "running",
    ],
    [
      "balance",
      status.balanceWei === null ? notSeen : `${formatUnits(status.balanceWei, etherDecimals)} ETH`,
    ],
    [
      "nonce",
      status.nextNonce === null || status.latestNonce === null
        ? notSeen
        : `next ${status.nextNonce}, mined ${status.latestNonce}`,
    ],
    [
      "queue",
      `${formatCount(status.queued)} wait, ${status.inFlight} in flight, ${status.settling} not final yet`,
    ],
    ...(status.oldestQueuedAt ? [["waits since", status.oldestQueuedAt] as const] : []),
    [
      "done",
      `${formatCount(counts.succeeded)} succeeded, ${formatCount(counts.reverted)} reverted, ${formatCount(counts.cancelled)} cancelled`,
    ],
    [
      "trouble",
      `${counts.bumps} bumps, ${counts.rebroadcasts} rebroadcasts (${counts.drops} dropped), ${counts.noops} no-ops, ${counts.reorgs} reorgs, ${counts.foreignNonces} foreign nonces, ${counts.refusals} not signed`,
    ],
    ["gas paid", `${formatUnits(status.gasUsedWei, etherDecimals)} ETH`],
    [
      "policy",
      `at most ${formatUnits(policy.maxFeePerGasWei, gweiDecimals)} gwei, keeps ${formatUnits(policy.reserveWei, etherDecimals)} ETH, ${policy.maxInFlight} in flight, ${formatCount(policy.queueLimit)} queued`,
    ],
    ...differences.map((difference): Field => ["not as set", describeDifference(difference)]),
    ...(differences.length > 0 ? [["to apply", setPolicyCommand(differences)] as const] : []),
    ...status.alarms.map((alarm): Field => ["alarm", alarm]),
    ...(status.lastError ? [["last error", status.lastError.split("\n")[0] ?? ""] as const] : []),
    ...(link ? [["UI", link] as const] : []),
  ]);
  return slots.length === 0 ? fields : `${fields}\n\n${formatSlots(slots)}`;
}

function formatSlots(slots: SignerStatus["slots"]): string {
  return formatTable(
    ["nonce", "what", "stage", "attempts", "transaction"],
    slots.map(({ nonce, kind, stage, attempts, transactionHash }) => [
      String(nonce),
      kind,
      stage,
      String(attempts),
      transactionHash ?? "",
    ]),
  );
}

/** Of the account: its first request makes the signer look. */
const notSeen = "not looked at yet";

/** A millionth of an ether is enough for a look. */
function roundDown(amount: string): string {
  const [whole = "", rest = ""] = amount.split(".");
  const shown = rest.slice(0, 6).replace(/0+$/, "");
  return shown === "" ? whole : `${whole}.${shown}`;
}

/** The staking service in lines for `status`. */
export function formatStakingStatus({ signer, bridge, waitingFor }: StakingStatus): string {
  if (waitingFor !== null) return `The staking service waits: ${waitingFor}`;
  return formatTable(
    ["staking job", "state", "waiting", "in flight", "done", "balance"],
    [...(signer ? [signerLine(signer)] : []), ...(bridge ? [bridgeLine(bridge)] : [])],
  );
}

function signerLine({ workflowId, status, silence }: StakingJob<SignerStatus>): string[] {
  const name = workflowId.replace(/0x(\w{6})\w+$/, "0x$1…");
  if (status === null) return [name, silence ?? "", "", "", "", ""];
  const { queued, inFlight, settling, counts, balanceWei } = status;
  return [
    name,
    status.standsStill ?? "running",
    formatCount(queued),
    `${inFlight} and ${settling} not final`,
    formatCount(counts.succeeded),
    balanceWei === null ? "" : `${roundDown(formatUnits(balanceWei, etherDecimals))} ETH`,
  ];
}

function bridgeLine({ workflowId, status, silence }: StakingJob<StakeBridgeProgress>): string[] {
  if (status === null) return [workflowId, silence ?? "", "", "", "", ""];
  const state = status.paused ? "paused" : status.waitingFor ? "waiting" : "running";
  const unacknowledged = status.queue === null ? "" : formatCount(status.queue.unacknowledged);
  return [workflowId, state, unacknowledged, "", formatCount(status.totals.started), ""];
}
