import { expect, test } from "vitest";
import { runChaos } from "../../chaos/chaos.ts";
import { diskKinds } from "../../chaos/plan.ts";

/** Long enough for every deck of faults to be dealt from; `npm run chaos` goes on for as long as one likes. */
const minutes = 0.5;

test("what stands after chaos is what a sequential oracle makes of the chain", async () => {
  const { injected, skipped, verdict } = await runChaos({ seed: 3, minutes, say: () => {} });
  if (skipped.length > 0)
    console.warn(`SKIPPED, nobody here may mount a tmpfs: ${skipped.join(", ")}`);

  expect(verdict).toMatchObject({ missing: 0, doubled: 0, stale: 0, difference: null });
  expect(injected.size, "kinds of faults that were really done").toBeGreaterThan(9);
  expect([...injected.keys(), ...skipped]).toEqual(expect.arrayContaining([...diskKinds]));
}, 420_000);
