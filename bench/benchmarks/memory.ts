import { type Hex, numberToHex } from "viem";
import { startBackfill } from "../../src/client/jobs.ts";
import { startAnvil } from "../../src/dev/anvil.ts";
import { senders } from "../../src/dev/demo-chain/accounts.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { readPeakMemory } from "../../src/dev/process-memory.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { processors } from "../../src/domain/processor.ts";
import { type Bench, type Benchmark, median } from "../benchmark.ts";
import type { GiantNodeSetting } from "../programs/giant-node.ts";
import { giantCode, roundsFor } from "../programs/giant-trace.ts";
import { startNode } from "../support/programs.ts";
import { startWorkerStack } from "../support/worker-stack.ts";

const limitMb = 400;
const limitMs = 200;
const gasLimit = 16_700_000;

/** One transaction with a trace of gigabytes, through a real worker. */
export const memory: Benchmark = {
  name: "memory",
  about: `peak MB of a worker that traces ONE transaction of 2 GB of JSON, over ${limitMb}`,
  unit: "MB",
  target: 1,
  lowerIsBetter: true,
  async measure(bench) {
    const traceBytes = bench.isQuick ? 200e6 : 2e9;
    const setting = await makeGiant(bench, roundsFor(traceBytes));
    const node = await startNode(bench, "giant-node", [JSON.stringify(setting)]);
    const stack = await startWorkerStack(bench, node.url);
    const idle = await stack.notesSince(0);
    const startedAt = Date.now();
    const job = await startBackfill(stack.client, {
      network: stack.network,
      processors,
      range: { fromBlock: 1, toBlock: 1 },
      actor: "bench",
    });
    bench.say(`tracing ${traceBytes / 1e9} GB`);
    const done = await stack.client.workflow.getHandle(job.workflowId).result();
    const seconds = (Date.now() - startedAt) / 1000;
    if (done.failed > 0) throw new Error(`the block failed: ${stack.worker.tail()}`);
    const peak = ((await readPeakMemory(stack.worker.pid)) ?? Number.NaN) / 1e6;
    const notes = await stack.notesSince(startedAt);
    const blocks = notes.map(({ blockMs }) => blockMs);
    return {
      ratio: peak / limitMb,
      values: [peak],
      also: [
        {
          name: "longest event-loop block in ms",
          value: Math.max(...blocks),
          target: limitMs,
          lowerIsBetter: true,
        },
      ],
      detail: {
        traceGb: traceBytes / 1e9,
        rows: done.rows,
        seconds,
        mbPerSecond: traceBytes / 1e6 / seconds,
        idleMb: (idle.at(-1)?.rss ?? Number.NaN) / 1e6,
        medianMb: median(notes.map(({ rss }) => rss / 1e6)),
        medianEventLoopBlockMs: median(blocks),
        cpuSecondsPerMillionRows:
          ((notes.at(-1)?.cpuMs ?? 0) - (notes[0]?.cpuMs ?? 0)) / 1000 / (done.rows / 1e6),
      },
    };
  },
};

/** A chain whose first block holds the giant; anvil runs it without recording steps. */
async function makeGiant(bench: Bench, rounds: number): Promise<GiantNodeSetting> {
  const anvil = await startAnvil({ logFile: `${bench.folder}/anvil.log`, stepsTracing: false });
  bench.stops.add(anvil.stop);
  const transaction = {
    from: senders[0],
    gas: numberToHex(gasLimit),
    data: giantCode(rounds),
  };
  const transactionHash = String(await callNode(anvil.url, "eth_sendTransaction", [transaction]));
  const receipt = await waitUntil(
    async () =>
      readReceipt(await callNode(anvil.url, "eth_getTransactionReceipt", [transactionHash])),
    { what: "the giant to be mined", timeoutMs: 60_000 },
  );
  if (receipt.status !== "0x1") throw new Error("the giant ran out of gas");
  // Two more, so that its block is final.
  await callNode(anvil.url, "anvil_mine", ["0x3"]);
  return {
    url: anvil.url,
    transactionHash,
    blockHash: receipt.blockHash,
    gasLimit,
    gasUsed: Number(receipt.gasUsed),
    rounds,
  };
}

function readReceipt(
  receipt: unknown,
): { blockHash: string; status: string; gasUsed: Hex } | undefined {
  if (typeof receipt !== "object" || receipt === null) return undefined;
  if (!("blockHash" in receipt && "status" in receipt && "gasUsed" in receipt)) return undefined;
  const { blockHash, status, gasUsed } = receipt;
  return {
    blockHash: String(blockHash),
    status: String(status),
    gasUsed: numberToHex(Number(gasUsed)),
  };
}
