import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../src/dev/project-root.ts";
import { StopList } from "../src/dev/stop-list.ts";
import { type Benchmark, type Report, round, toReport } from "./benchmark.ts";
import { benchmarks } from "./benchmarks/index.ts";
import { readMachine } from "./support/machine.ts";

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
  },
});

async function main(): Promise<void> {
  if (flags.list) {
    for (const { name, about } of benchmarks) console.log(`${name.padEnd(12)} ${about}`);
    return;
  }
  const unknown = names.filter((name) => !benchmarks.some((one) => one.name === name));
  if (unknown.length > 0) {
    console.error(`No benchmark ${unknown.join(", ")}. Fix: npm run bench -- --list`);
    process.exitCode = 2;
    return;
  }
  const chosen =
    names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name));
  for (const benchmark of chosen) await run(benchmark);
}

async function run(benchmark: Benchmark): Promise<void> {
  const say = (line: string) => console.error(`${benchmark.name}: ${line}`);
  const folder = await mkdtemp(join(tmpdir(), "blockloom-bench-"));
  const stops = new StopList();
  const stop = async () => {
    await stops.stopAll();
    await rm(folder, { recursive: true, force: true });
  };
  process.once("SIGINT", () => void stop().then(() => process.exit(130)));
  const machine = await readMachine();
  try {
    const runs = Number(flags.runs ?? (flags.quick ? 3 : 5));
    const bench = { isQuick: flags.quick, runs, folder, stops, say };
    const measured = await benchmark.measure(bench);
    const after = await readMachine();
    const report = toReport(benchmark, measured);
    const facts = {
      ...report,
      detail: { ...report.detail, isQuick: flags.quick, machine, loadAfter: after.load },
    };
    await keep(facts);
    print(facts);
  } finally {
    await stop();
  }
}

/** Each run of a benchmark is kept beside those before it; a quick look is not. */
async function keep(report: Report): Promise<void> {
  if (flags.quick) return;
  const folder = join(projectRoot, "bench", "results");
  await mkdir(folder, { recursive: true });
  const day = new Date().toISOString().slice(0, 10);
  await writeFile(join(folder, `${day}-${report.name}.json`), toText(report));
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? round(value) : value;
}

/** Rounded, and lists of numbers on one line, as the formatter wants them. */
function toText(report: Report): string {
  const text = JSON.stringify(report, rounded, 2);
  const inLine = text.replace(/\[\s+([-\d.,\s]+?)\s+\]/g, (_match, numbers: string) => {
    return `[${numbers.split(/,\s+/).join(", ")}]`;
  });
  return `${inLine}\n`;
}

function print(report: Report): void {
  if (flags.json) {
    console.log(JSON.stringify(report));
    return;
  }
  const { name, ratio, target, lowerIsBetter, unit, median, min, max, runs, detail } = report;
  const verdict = detail["isReached"] === true ? "reached" : "MISSED";
  const sign = lowerIsBetter ? "<=" : ">=";
  console.log(
    `${name}: ratio ${ratio} (target ${sign} ${target}: ${verdict}), ${median} ${unit} (${min} to ${max}, ${runs} runs)`,
  );
  console.log(JSON.stringify(detail, null, 2));
}

await main();
// The SDK's runtime and idle sockets would keep the process alive.
process.exit();
