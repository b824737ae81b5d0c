import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";

type Seen = Pick<SignerStatus, "nextNonce" | "latestNonce" | "slots">;
type Slot = SignerStatus["slots"][number];

/**
 * What a bump raises the fees of: the nonces, or `nothing` and why.
 * @param raised - what the signer answered. @param asked - the one nonce that was named; undefined: all.
 * @param read - the signer as it stands now; asked only where nothing is raised.
 */
export async function describeBump(
  raised: readonly number[],
  asked: number | undefined,
  read: () => Promise<Seen>,
): Promise<string> {
  if (raised.length > 0) return `nonce ${raised.join(", ")}`;
  return `nothing: ${whyNothing(asked, await read())}`;
}

function whyNothing(asked: number | undefined, seen: Seen): string {
  const open = seen.slots.filter(({ stage }) => stage !== "mined");
  if (asked !== undefined && asked >= (seen.nextNonce ?? 0)) {
    return `nonce ${asked} was never given; ${listOf(open)}`;
  }
  const slots = asked === undefined ? open : open.filter(({ nonce }) => nonce === asked);
  if (slots.length > 0) return slots.map((slot) => whyNot(slot, seen)).join("; ");
  return asked === undefined ? "all is mined" : `nonce ${asked} is mined; ${listOf(open)}`;
}

function listOf(open: readonly Slot[]): string {
  if (open.length === 0) return "none is open";
  return `open: ${open.map(({ nonce }) => nonce).join(", ")}`;
}

function whyNot({ nonce, stage }: Slot, { latestNonce }: Seen): string {
  if (stage === "signed") return `nonce ${nonce} is not sent yet`;
  return nonce < (latestNonce ?? 0)
    ? `nonce ${nonce} is used on the chain, its receipt is being read`
    : `nonce ${nonce} cannot get the tenth more that nodes ask for under the cap (signer set-policy --max-fee-per-gas)`;
}
