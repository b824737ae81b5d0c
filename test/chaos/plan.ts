import { createRandom, type Random } from "../../src/dev/demo-chain/random.ts";
import { type Fault, faults } from "../../src/dev/fault-plan.ts";

/** What chaos does: to a trace, to the node, to the chain, to our processes and disks, and as a person who asks for blocks again. */
export type ChaosKind =
  | Fault
  | "outage"
  | "staleHead"
  | "reorg"
  | "shorterBranch"
  | "reorgBetweenCalls"
  | "killWorker"
  | "freezeWorker"
  | "killTemporal"
  | "killClickHouse"
  | "killServer"
  | "tempDiskFull"
  | "dataDiskFull"
  | "requeue"
  | "requeueOverHttp";

export type ChaosEvent = { readonly atMs: number; readonly kind: ChaosKind };

/** What only where a disk of its own can be mounted is done. */
export const diskKinds: readonly ChaosKind[] = ["tempDiskFull", "dataDiskFull"];

type Deck = { readonly everyMs: number; readonly kinds: readonly ChaosKind[] };

const decks: readonly Deck[] = [
  { everyMs: 1000, kinds: [...faults, "outage", "staleHead"] },
  {
    everyMs: 10_000,
    kinds: [
      "killWorker",
      "killWorker",
      "killTemporal",
      "killClickHouse",
      "killWorker",
      "freezeWorker",
      "killServer",
    ],
  },
  { everyMs: 20_000, kinds: ["reorg", "shorterBranch", "reorgBetweenCalls"] },
  { everyMs: 10_000, kinds: ["requeue", "requeueOverHttp"] },
  { everyMs: 15_000, kinds: diskKinds },
];

/**
 * What happens when, the same for the same seed. Each deck is dealt to its end before it is shuffled again, so that no
 * kind stays away for long.
 */
export function planChaos({ seed, minutes }: { seed: number; minutes: number }): ChaosEvent[] {
  const endMs = minutes * 60_000;
  return decks
    .flatMap((deck, stream) => deal(deck, createRandom(seed, stream), endMs))
    .toSorted((a, b) => a.atMs - b.atMs);
}

function deal({ everyMs, kinds }: Deck, random: Random, endMs: number): ChaosEvent[] {
  const events: ChaosEvent[] = [];
  let left: ChaosKind[] = [];
  for (let startMs = 0; startMs + everyMs <= endMs; startMs += everyMs) {
    if (left.length === 0) left = shuffled(kinds, random);
    const kind = left.pop();
    if (kind !== undefined) events.push({ atMs: startMs + random.between(0, everyMs - 1), kind });
  }
  return events;
}

function shuffled(kinds: readonly ChaosKind[], random: Random): ChaosKind[] {
  return kinds
    .map((kind) => ({ kind, place: random.between(0, 1_000_000) }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ kind }) => kind);
}
