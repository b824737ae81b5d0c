import { readFileSync } from "node:fs";
import { z } from "zod";

const results = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(""),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});
type Results = z.infer<typeof results>;
type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

// The end of `npm test`: FILE is vitest's JSON, PASSED and FAILED are the checks before it, CODE is vitest's exit code.
const [file, passedChecks, failedChecks, exitCode] = process.argv.slice(2);
if (file === undefined || exitCode === undefined) {
  throw new Error("usage: test-report.ts FILE PASSED FAILED CODE");
}

const run = readResults(file);
const tests = countTests(run);
// Errors outside of any test, such as a rejection nobody handled, show in the exit code alone.
const loose = exitCode !== "0" && tests.failed === 0 ? 1 : 0;
const total = {
  passed: tests.passed + Number(passedChecks),
  failed: tests.failed + Number(failedChecks) + loose,
};
list(
  "Skipped",
  namesOf(run, (status) => status !== "passed" && status !== "failed"),
);
list("Failed", [...namesOf(run, (status) => status === "failed"), ...brokenFiles(run)]);
const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 ? 0 : 1);

function readResults(path: string): Results | undefined {
  try {
    return results.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    console.error(`vitest left no results: ${error instanceof Error ? error.message : ""}`);
    return undefined;
  }
}

function countTests(all: Results | undefined): Counts {
  if (all === undefined || all.testResults.length === 0)
    return { passed: 0, failed: 1, skipped: 0 };
  const statuses = all.testResults.flatMap((one) =>
    one.assertionResults.map(({ status }) => status),
  );
  const count = (status: string) => statuses.filter((one) => one === status).length;
  const [passed, failed] = [count("passed"), count("failed")];
  return {
    passed,
    failed: failed + brokenFiles(all).length,
    skipped: statuses.length - passed - failed,
  };
}

/** Files that failed outside their tests, such as by an import or a hook: each counts as one failure. */
function brokenFiles(all: Results | undefined): string[] {
  return (all?.testResults ?? [])
    .filter((one) => one.status === "failed")
    .filter((one) => one.assertionResults.every(({ status }) => status !== "failed"))
    .map((one) => `${one.name}: ${one.message.split("\n")[0] ?? ""}`);
}

function namesOf(all: Results | undefined, matches: (status: string) => boolean): string[] {
  return (all?.testResults ?? []).flatMap((one) =>
    one.assertionResults.filter(({ status }) => matches(status)).map(({ fullName }) => fullName),
  );
}

function list(title: string, names: readonly string[]): void {
  if (names.length > 0) console.log(`${title}:\n${names.map((name) => `  ${name}`).join("\n")}`);
}
