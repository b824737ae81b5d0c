import { describe, expect, test } from "vitest";
import { retraceBlock } from "../../src/activities/index-blocks/retrace-block.ts";
import type {
  ExecutionNode,
  StepTraceOptions,
  TraceOptions,
  TraceWay,
} from "../../src/activities/ports.ts";
import type { Hex } from "../../src/domain/chain.ts";
import type { Processor } from "../../src/domain/processor.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, FakeNode, fakeEngine } from "../support/fakes.ts";

type Told = { readonly block: number; readonly stacks: boolean; readonly words: string[] };

/** A node whose ways take turns, and which remembers what each attempt told of its way. */
class ChoosingNode extends FakeNode implements ExecutionNode {
  readonly told: Told[] = [];
  readonly asked: { readonly way: TraceWay | undefined; readonly stacks?: boolean }[] = [];

  chooseTraceWay({ gasUsed }: { readonly gasUsed: number }): TraceWay {
    const words: string[] = [];
    const stacks = this.told.length % 2 === 0;
    this.told.push({ block: gasUsed, stacks, words });
    return {
      stacks,
      spent: () => words.push("spent"),
      proved: () => words.push("proved"),
      failed: () => words.push("failed"),
      end: () => words.push("end"),
    };
  }
  override traceCalls(blockHash: Hex, options?: TraceOptions): AsyncIterable<Uint8Array> {
    this.asked.push({ way: options?.way });
    return super.traceCalls(blockHash);
  }
  override traceSteps(blockHash: Hex, options: StepTraceOptions): AsyncIterable<Uint8Array> {
    this.asked.push({ way: options.way, stacks: options.stacks });
    return super.traceSteps(blockHash, options);
  }
}

function start(node: FakeNode, processors: readonly Processor[], toBlock: number) {
  const engineStacks: (boolean | undefined)[] = [];
  const engine = {
    ...fakeEngine,
    createBlockTrace(input: Parameters<typeof fakeEngine.createBlockTrace>[0]) {
      engineStacks.push(input.stacks);
      return fakeEngine.createBlockTrace(input);
    },
  };
  const { dependencies } = createFakeWorld({ node, processors });
  const { result } = startIndexBlocks({
    dependencies,
    engine,
    input: { toBlock, processors: [...processors] },
  });
  return { result, engineStacks };
}

describe("the way to trace a block", () => {
  test("is the node's choice, once for both answers and the proof of an attempt", async () => {
    const node = new ChoosingNode().mine(5, { steps: 5000 });
    const { result, engineStacks } = start(node, ["structlog"], 4);
    expect(await result).toMatchObject({ failedCount: 0 });
    expect(node.told.map(({ stacks }) => stacks)).toEqual([true, false, true, false]);
    expect(engineStacks.filter(Boolean)).toHaveLength(2);
    expect(engineStacks).toHaveLength(4);
    for (const { words } of node.told) expect(words).toEqual(["proved", "end"]);
    for (const { way, stacks = way?.stacks } of node.asked) expect(way?.stacks).toBe(stacks);
    const ways = new Set(node.asked.map(({ way }) => way));
    expect([ways.size, node.asked.length]).toEqual([4, 8]);
  });

  test("is with stacks where structlog_agg is stored, and nothing is measured", async () => {
    const node = new ChoosingNode().mine(3, { steps: 100 });
    const { result, engineStacks } = start(node, ["structlog", "structlog_agg"], 2);
    await result;
    expect(node.told).toEqual([]);
    expect(engineStacks).toEqual([true, true]);
  });

  test("is without stacks on a node that measures nothing", async () => {
    const node = new FakeNode().mine(3, { steps: 100 });
    const { result, engineStacks } = start(node, ["structlog"], 2);
    await result;
    expect(engineStacks).toEqual([false, false]);
  });

  test.each([true, false])(
    "is that of the stored rows where a block is traced again to compare: stacks %s",
    async (stacks) => {
      const node = new ChoosingNode().mine(2, { steps: 10 });
      const world = createFakeWorld({ node, processors: ["structlog"] });
      const { hash } = node.at(1).ref;
      const outcome = await retraceBlock({
        network: await world.dependencies.network("net"),
        node,
        engine: fakeEngine,
        block: { number: 1, hash },
        processors: ["structlog"],
        stacks,
        rows: world.rows,
        signal: new AbortController().signal,
      });
      expect(outcome.kind).toBe("traced");
      expect(node.told).toEqual([]);
      expect(node.asked.at(-1)).toEqual({ way: undefined, stacks });
    },
  );

  test("has failed where its block has, and says nothing where the node went away", async () => {
    const node = new ChoosingNode().mine(3, { steps: 100 });
    node.traceFaults.set(1, "short");
    await start(node, ["structlog"], 2).result;
    const words = node.told.map((told) => told.words);
    expect(words).toContainEqual(["failed", "end"]);
    expect(words).toContainEqual(["proved", "end"]);

    const away = new ChoosingNode().mine(3, { steps: 100 });
    away.traceFaults.set(1, "kill-node");
    await start(away, ["structlog"], 1).result.catch(() => {});
    expect(away.told[0]?.words).toEqual(["end"]);
  });
});
