import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RpcBlock, RpcReceipt } from "../../src/domain/chain.ts";
import { processors } from "../../src/domain/processor.ts";
import { createBlockTrace } from "../../src/trace/block-trace.ts";
import { clearStructlogAggColumns } from "../../src/trace/structlog-agg-columns.ts";
import { clearStructlogColumns } from "../../src/trace/structlog-columns.ts";
import { type Benchmark, median } from "../benchmark.ts";
import { startHeavyChain } from "../support/chains.ts";
import { readRecording, recordedChain } from "../support/recorded-chain.ts";

const chunkBytes = 64 * 1024;
/** As in the block job. */
const handOverRows = 8192;

type RecordedBlock = {
  readonly block: RpcBlock;
  readonly receipts: readonly RpcReceipt[];
  readonly calls: Buffer;
  readonly steps: Buffer;
};

/** src/trace alone, in one thread: no socket, no ClickHouse. */
export const scan: Benchmark = {
  name: "scan",
  about: "MB/s of traces to proven columns over MB/s of JSON.parse, same bytes in memory",
  unit: "MB/s",
  target: 1,
  lowerIsBetter: false,
  async measure(bench) {
    const blocks = bench.isQuick ? 8 : 60;
    const { folder } = await recordedChain(`heavy-${blocks}`, () => startHeavyChain(blocks));
    const chain = await readChain(folder);
    const megabytes =
      chain.reduce((sum, one) => sum + one.calls.length + one.steps.length, 0) / 1e6;
    let rows = 0;
    const scanAll = () => {
      rows = 0;
      for (const block of chain) rows += scanBlock(block);
    };
    const parseAll = () => {
      for (const { calls, steps } of chain) {
        JSON.parse(calls.toString());
        JSON.parse(steps.toString());
      }
    };
    const readAll = () =>
      chain.reduce((sum, { calls, steps }) => sum + sumOf(calls) + sumOf(steps), 0);
    scanAll();
    const speeds: { ours: number; parse: number; read: number }[] = [];
    for (let run = 0; run < bench.runs; run += 1) {
      const parse = megabytes / time(parseAll);
      const read = megabytes / time(readAll);
      const ours = megabytes / time(scanAll);
      speeds.push({ ours, parse, read });
      bench.say(
        `run ${run + 1}: ${Math.round(ours)} MB/s, JSON.parse ${Math.round(parse)}, reading each byte ${Math.round(read)}`,
      );
    }
    const values = speeds.map(({ ours }) => ours);
    return {
      ratio: median(speeds.map(({ ours, parse }) => ours / parse)),
      values,
      detail: {
        megabytes,
        rows,
        rowsPerSecond: (rows / megabytes) * median(values),
        jsonParseMbPerSecond: median(speeds.map(({ parse }) => parse)),
        readingEachByteMbPerSecond: median(speeds.map(({ read }) => read)),
        shareOfReadingEachByte: median(speeds.map(({ ours, read }) => ours / read)),
      },
    };
  },
};

async function readChain(folder: string): Promise<RecordedBlock[]> {
  const recording = await readRecording(folder);
  const file = await readFile(join(folder, "answers.bin"));
  const bytes = (key: string) => {
    const [offset, length] = recording.answers[key] ?? [0, 0];
    return file.subarray(offset, offset + length);
  };
  const answer = (key: string) =>
    Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"result":'), bytes(key), Buffer.from("}")]);
  return recording.blocks.flatMap(({ hash }, number) => {
    if (!recording.answers[`steps:${hash}`]) return [];
    const block: RpcBlock = JSON.parse(bytes(`block:${number}`).toString());
    const receipts: RpcReceipt[] = JSON.parse(bytes(`receipts:${hash}`).toString());
    return [{ block, receipts, calls: answer(`calls:${hash}`), steps: answer(`steps:${hash}`) }];
  });
}

function scanBlock({ block, receipts, calls, steps }: RecordedBlock): number {
  const clientVersion = "anvil/v1.7.1";
  const trace = createBlockTrace({
    block,
    receipts,
    fork: "osaka",
    clientVersion,
    processors,
    stacks: true,
  });
  for (const chunk of chunksOf(calls)) trace.scanCalls(chunk);
  trace.endCalls();
  for (const chunk of chunksOf(steps)) {
    trace.scanSteps(chunk);
    if (trace.columns.length < handOverRows) continue;
    clearStructlogColumns(trace.columns);
    if (trace.aggColumns) clearStructlogAggColumns(trace.aggColumns);
  }
  const proof = trace.endSteps();
  if (proof.proof !== "proven") throw new Error(JSON.stringify(proof.detail));
  return proof.structlogRows;
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.subarray(start, start + chunkBytes);
  }
}

function sumOf(bytes: Buffer): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 1) sum = (sum + (bytes[index] ?? 0)) | 0;
  return sum;
}

/** Seconds of CPU, not of the clock: other processes do not count. */
function time(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
