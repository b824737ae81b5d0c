import { parseArgs } from "node:util";
import Table from "cli-table3";
import { runChaos } from "./chaos.ts";
import { isEqual } from "./verdict.ts";

// `npm run chaos -- --seed N --minutes M`: exit 0 if what is stored is what an oracle has, 1 if not, 2 on wrong usage.

const { values } = parseArgs({
  options: { seed: { type: "string" }, minutes: { type: "string", default: "1" } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(seed) || !(minutes > 0)) {
  console.error("usage: npm run chaos -- [--seed WHOLE_NUMBER] [--minutes NUMBER]");
  process.exit(2);
}

console.log(`chaos: seed ${seed}, ${minutes} minutes`);
const { injected, skipped, released, verdict } = await runChaos({
  seed,
  minutes,
  say: console.log,
});

const table = new Table({ head: ["what was done", "times"], style: { head: [], border: [] } });
const counts = [...injected].toSorted(([a], [b]) => (a < b ? -1 : 1));
for (const [kind, times] of counts) table.push([kind, times]);
const sum = counts.reduce((total, [, times]) => total + times, 0);
table.push([`${counts.length} kinds`, sum]);
console.log(table.toString());
if (skipped.length > 0) {
  console.log(`SKIPPED, not done once: ${skipped.join(", ")} (nobody here may mount a tmpfs)`);
}
if (released > 0) console.log(`${released} blocks were quarantined and released afterwards`);
const { blocks, rows, missing, doubled, stale, difference } = verdict;
if (difference !== null) console.log("first difference:", JSON.stringify(difference, null, 2));
console.log(
  `verdict: ${isEqual(verdict) ? "equal" : "NOT EQUAL"}; ${blocks} blocks, ${rows} rows: ${missing} missing, ${doubled} doubled, ${stale} stale (seed ${seed})`,
);
process.exitCode = isEqual(verdict) ? 0 : 1;
