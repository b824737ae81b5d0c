import { readFileSync } from "node:fs";
import { exit } from "node:process";
import { checkGolden, type GoldenTransaction } from "./golden.ts";

const ways = [
  { stacks: true, suffix: "" },
  { stacks: false, suffix: " (without stacks)" },
];

/** `npm run conformance -- FILE...`: golden transactions through src/trace, without a node or a database. */
function main(files: readonly string[]): number {
  if (files.length === 0) {
    console.error("usage: npm run conformance -- FILE...");
    return 2;
  }
  const counts = { passed: 0, failed: 0 };
  for (const file of files) {
    const transactions: GoldenTransaction[] = JSON.parse(readFileSync(file, "utf8"));
    for (const golden of transactions) {
      for (const way of ways) {
        for (const { table, difference } of checkGolden(golden, way)) {
          if (difference === null) counts.passed++;
          else {
            counts.failed++;
            console.log(`${golden.id}${way.suffix} ${table}: ${difference}`);
          }
        }
      }
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed > 0 ? 1 : 0;
}

exit(main(process.argv.slice(2)));
