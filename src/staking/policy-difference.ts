import type { SignerPolicy } from "../workflows/staking/messages.ts";

type Value = string | number | null;

/** A part of the policy in which a running signer is not as it is configured here. */
export type PolicyDifference = {
  readonly part: keyof SignerPolicy;
  readonly running: Value;
  readonly configured: Value;
};

/** How `signer set-policy` names each part, and a part that is left open (null). */
const words: Readonly<
  Record<keyof SignerPolicy, { readonly option: string; readonly open?: string }>
> = {
  maxFeePerGasWei: { option: "--max-fee-per-gas" },
  maxPriorityFeePerGasWei: { option: "--max-priority-fee-per-gas", open: "suggested" },
  maxInFlight: { option: "--max-in-flight" },
  queueLimit: { option: "--queue-limit" },
  bumpAfterMs: { option: "--bump-after" },
  rebroadcastAfterMs: { option: "--rebroadcast-after" },
  reserveWei: { option: "--reserve" },
  perOwnerPerDay: { option: "--per-owner-per-day", open: "any" },
};

/** Where a running signer is not as configured: it keeps the policy that it was started with, or was told since. */
export function comparePolicy(running: SignerPolicy, configured: SignerPolicy): PolicyDifference[] {
  return Object.keys(words)
    .filter(isPart)
    .filter((part) => running[part] !== configured[part])
    .map((part) => ({ part, running: running[part], configured: configured[part] }));
}

function isPart(name: string): name is keyof SignerPolicy {
  return name in words;
}

/** A difference for a person. */
export function describeDifference({ part, running, configured }: PolicyDifference): string {
  return `${part} is ${nameValue(part, running)}, configured here: ${nameValue(part, configured)}`;
}

/** The client's command that gives a running signer what is configured here. */
export function setPolicyCommand(differences: readonly PolicyDifference[]): string {
  const options = differences.map(
    ({ part, configured }) => `${words[part].option} ${nameValue(part, configured)}`,
  );
  return ["npm run client -- signer set-policy", ...options].join(" ");
}

function nameValue(part: keyof SignerPolicy, value: Value): string {
  return value === null ? (words[part].open ?? "none") : String(value);
}
