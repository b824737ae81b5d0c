import type { MinedTransaction, StakeRequestStatus } from "./request-shapes.ts";
import type { SignerStatus } from "./signer-shapes.ts";

// The markdown that the Temporal UI shows as "Current details". Pure. No signature is ever shown.

/** `1.25 ETH` for wei. */
export function formatEther(wei: string): string {
  return `${scale(wei, 18, 6)} ETH`;
}

function formatGwei(wei: string): string {
  return `${scale(wei, 9, 3)} gwei`;
}

function scale(wei: string, decimals: number, shown: number): string {
  const digits = wei.padStart(decimals + 1, "0");
  const whole = digits.slice(0, -decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(-decimals).slice(0, shown).replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}

/** What a signer shows. */
export function describeSigner(status: SignerStatus, isStopping: boolean): string {
  const { policy, counts } = status;
  const tip = policy.maxPriorityFeePerGasWei;
  return table(headingOf(status, isStopping), [
    ["address", status.address],
    ["chain", status.chainId],
    ["balance", status.balanceWei === null ? "not known yet" : formatEther(status.balanceWei)],
    ["next nonce", status.nextNonce ?? "not known yet"],
    ["chain's nonce", status.latestNonce ?? "not known yet"],
    ["queued", `${status.queued} of ${policy.queueLimit}`],
    ["oldest in the queue", status.oldestQueuedAt && time(status.oldestQueuedAt)],
    ["in flight", `${status.inFlight} of ${policy.maxInFlight}${flightOf(status)}`],
    ["mined, not final", status.settling],
    [
      "outcomes",
      `${counts.succeeded} succeeded, ${counts.reverted} reverted, ${counts.cancelled} cancelled`,
    ],
    [
      "repairs",
      `${counts.rebroadcasts} sent again (${counts.drops} dropped by the pool), ${counts.bumps} bumped, ${counts.noops} NOOPs, ${counts.reorgs} reorged, ${counts.foreignNonces} foreign nonces, ${counts.refusals} not signed`,
    ],
    ["spent", formatEther(status.gasUsedWei)],
    [
      "fee cap",
      `${formatGwei(policy.maxFeePerGasWei)}, tip ${tip === null ? "as the node suggests" : formatGwei(tip)}`,
    ],
    ["reserve", formatEther(policy.reserveWei)],
    ["alarms", status.alarms.length > 0 ? status.alarms.join("\n") : "none"],
    ["last error", status.lastError],
  ]);
}

const standingWords: Record<NonNullable<SignerStatus["standsStill"]>, string> = {
  paused: "Paused: resume gives nonces again",
  low_balance: "Waiting: the balance is too low; it goes on by itself when it is filled up",
  fee_cap: "Waiting: gas costs more than the cap; it goes on by itself, or raise the cap",
  foreign_nonce:
    "Waiting: somebody else used a nonce of this account; it goes on when that is final",
  node_away: "Waiting: a node or the key's worker does not answer",
};

function headingOf({ standsStill }: SignerStatus, isStopping: boolean): string {
  if (isStopping) return "Stopping: no new nonces; waits until all slots are final";
  return standsStill === null ? "Running" : standingWords[standsStill];
}

function flightOf({ slots }: SignerStatus): string {
  const shown = slots
    .filter(({ stage }) => stage !== "mined")
    .slice(0, 8)
    .map(({ nonce, kind, attempts, stage }) => {
      const words = [
        ...(kind === "noop" ? ["NOOP"] : []),
        ...(stage === "signed" ? ["not sent yet"] : []),
        ...(attempts > 1 ? [`attempt ${attempts}`] : []),
      ];
      return words.length > 0 ? `${nonce} (${words.join(", ")})` : String(nonce);
    });
  return shown.length > 0 ? `: nonces ${shown.join(", ")}` : "";
}

/** What a request shows. */
export function describeRequest(status: StakeRequestStatus): string {
  return table(requestHeading(status), [
    ["owner", status.owner],
    ["kind", status.kind],
    ["target", status.target],
    ["chain", status.chainId],
    ["why", status.reason && `${status.reason.code}: ${status.reason.message}`],
    ["nonce", status.nonce],
    ["transaction", status.transactionHash],
    ["block", status.blockNumber],
    ["gas used", status.gasUsed],
    ["stake", status.stakeId],
    [
      "ours reverted",
      status.revertedTransaction ? describeRevert(status.revertedTransaction) : null,
    ],
    ["received", time(status.receivedAt)],
    ["expires", time(status.expiresAt)],
    ["as of", time(status.updatedAt)],
  ]);
}

function describeRevert({ nonce, transactionHash, gasUsed }: MinedTransaction): string {
  return `${transactionHash} (nonce ${nonce}, gas ${gasUsed})`;
}

function requestHeading({ state, isFinal }: StakeRequestStatus): string {
  const word = `${state.charAt(0).toUpperCase()}${state.slice(1)}`.replaceAll("_", " ");
  return isFinal ? `${word} (final)` : word;
}

function time(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

/** The UI sets columns without space between them, and a plain space at the end of a cell is cut off. */
const columnGap = "\u00A0\u00A0";

function table(
  status: string,
  rows: readonly (readonly [label: string, value: string | number | null])[],
): string {
  const lines = rows
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `| ${label}${columnGap} | ${toCell(String(value))} |`);
  return [`**${status}**`, "", "| | |", "|---|---|", ...lines].join("\n");
}

/** A cell is one line, and a bar would end it. */
function toCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, "<br>");
}
