import { readFileSync } from "node:fs";
import { exit } from "node:process";
import { checkGolden, type GoldenTransaction } from "./golden.ts";

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
      for (const { table, difference } of checkGolden(golden)) {
        if (difference === null) counts.passed++;
        else {
          counts.failed++;
          console.log(`${golden.id} ${table}: ${difference}`);
        }
      }
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed > 0 ? 1 : 0;
}

exit(main(process.argv.slice(2)));
