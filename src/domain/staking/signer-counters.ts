import { signerMetrics } from "./metric-names.ts";
import type { SignerState } from "./signer-state.ts";

/** An amount to add to a counter. */
export type Counted = {
  readonly name: string;
  readonly amount: number;
  readonly labels: Readonly<Record<string, string>>;
};

/** What happened between two states of one signer, as amounts for its counters; only what is above 0. */
export function countBetween(before: SignerState, after: SignerState): readonly Counted[] {
  return [...tallies(before, after), ...settled(before, after), ...noops(before, after)].filter(
    ({ amount }) => amount > 0,
  );
}

function tallies(before: SignerState, after: SignerState): Counted[] {
  const since = (name: keyof SignerState["counts"]) => after.counts[name] - before.counts[name];
  return [
    { name: signerMetrics.bumps, amount: since("bumps"), labels: {} },
    { name: signerMetrics.rebroadcasts, amount: since("rebroadcasts"), labels: {} },
    { name: signerMetrics.drops, amount: since("drops"), labels: {} },
    { name: signerMetrics.reorgs, amount: since("reorgs"), labels: {} },
    { name: signerMetrics.foreignNonces, amount: since("foreignNonces"), labels: {} },
    { name: signerMetrics.refusals, amount: since("refusals"), labels: {} },
  ];
}

/** Words to requests are numbered, so the new ones are told from those that wait to be heard. */
function settled(before: SignerState, after: SignerState): Counted[] {
  return after.notices.flatMap(({ seq, kind, body }): Counted[] => {
    if (seq < before.nextSeq || kind !== "settled") return [];
    if (body.kind !== "succeeded" && body.kind !== "reverted") return [];
    const gas = {
      name: signerMetrics.gas,
      amount: Number(body.gasUsed),
      labels: { outcome: body.kind },
    };
    if (body.kind === "succeeded") return [gas];
    const reason = body.reason.code;
    return [gas, { name: signerMetrics.reverts, amount: 1, labels: { reason } }];
  });
}

/** A NOOP speaks to no request; its row is all that tells of it. */
function noops(before: SignerState, after: SignerState): Counted[] {
  return after.records
    .filter(({ seq, kind, state }) => seq >= before.nextSeq && kind === "noop" && state === "final")
    .map(({ gasUsed }) => ({
      name: signerMetrics.gas,
      amount: Number(gasUsed),
      labels: { outcome: "noop" },
    }));
}
