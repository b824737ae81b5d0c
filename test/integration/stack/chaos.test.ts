import { expect, test } from "vitest";
import { runChaos } from "../../chaos/chaos.ts";

/** Long enough for every deck of faults to be dealt from; `npm run chaos` goes on for as long as one likes. */
const minutes = 0.5;

test("what stands after chaos is what a sequential oracle makes of the chain", async () => {
  const { injected, verdict } = await runChaos({ seed: 3, minutes, say: () => {} });

  expect(verdict).toMatchObject({ missing: 0, doubled: 0, stale: 0, difference: null });
  expect(injected.size, "kinds of faults that were really done").toBeGreaterThan(9);
}, 420_000);
