import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { prepareChain } from "../../src/dev/demo-chain/demo-chain.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import type { IndexBlocksInput } from "../../src/workflows/index-activities.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startAnvil } from "../support/anvil.ts";
import { createFakeWorld, type FakeWorld } from "../support/fakes.ts";
import { createPool, type PoolMember } from "../support/node-pool.ts";
import {
  type NodeProxy,
  type ProxiedCall,
  startNodeProxy,
  type Tamper,
} from "../support/node-proxy.ts";

const chainArgs = ["--no-mining", "--order=fifo", "--timestamp=1700000000"];
const seed = 7;
const secret = "s3cret-t0ken";

/** The block that a probe asks for; no node has it. */
const probed = `0x${"1".padStart(64, "0")}`;
/** Blocks on top that hold nothing, so that what lies beneath is not near the head. */
const emptyBlocks = 40;

type RunningAnvil = Awaited<ReturnType<typeof startAnvil>>;
let anvil: RunningAnvil;
/** The last block that holds anything, and the last of all. */
let head: number;
let tip: number;
/** What a run against one good node shows, block by block. */
let expected: readonly number[];
const proxies: NodeProxy[] = [];

async function startChain(): Promise<{ anvil: RunningAnvil; head: number }> {
  const started = await startAnvil({ args: chainArgs });
  const { blocks } = await prepareChain({ rpcUrl: started.url, seed, targetSteps: 10_000 });
  await callNode(started.url, "anvil_mine", [`0x${emptyBlocks.toString(16)}`]);
  return { anvil: started, head: blocks };
}

beforeAll(async () => {
  ({ anvil, head } = await startChain());
  tip = head + emptyBlocks;
  const endpoint = { name: "clean", url: anvil.url, headers: {} };
  const node = createExecutionNode(endpoint, { traceTimeoutMs: 30_000 });
  const world = createFakeWorld({ node });
  await index(world, {});
  expected = shownBy(world);
  expect(Math.max(...expected)).toBeGreaterThan(0);
});
afterAll(() => anvil?.stop());
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

/** The chain's node behind a proxy of its own. */
async function behindProxy(tamper?: Tamper, targetUrl = anvil.url): Promise<NodeProxy> {
  const proxy = await startNodeProxy(targetUrl, tamper);
  proxies.push(proxy);
  return proxy;
}

async function worldOf(members: readonly PoolMember[]) {
  const pool = createPool(members);
  await pool.open();
  const node = pool.size === 1 ? (pool.nodes[0]?.node ?? pool.asOne) : pool.asOne;
  return { world: createFakeWorld({ node, nodes: pool }), pool };
}

function start(world: FakeWorld, input: Partial<IndexBlocksInput>) {
  const { dependencies } = world;
  const whole = { fromBlock: 0, toBlock: head, ...input };
  return startIndexBlocks({ dependencies, engine: traceEngine, input: whole });
}

function index(world: FakeWorld, input: Partial<IndexBlocksInput>) {
  return start(world, input).result;
}

function shownBy(world: FakeWorld): number[] {
  return Array.from({ length: head + 1 }, (_, number) => world.shown(number));
}

/** Nodes whose rows are shown, and that every row of an attempt is one node's. */
function nodesShown(world: FakeWorld): Set<string> {
  return new Set(
    Array.from({ length: head + 1 }, (_, number) => world.ledger.winner(number)?.node ?? ""),
  );
}

function isStepTrace({ method, params: [hash, options] }: ProxiedCall): boolean {
  const isNamed = JSON.stringify(options ?? {}).includes("callTracer");
  return method === "debug_traceBlockByHash" && hash !== probed && !isNamed;
}

type StructLogs = { result: { structLogs: unknown[] } }[];

/** Answers with HTTP 200 what is not the block's trace. */
const lies: Record<string, (trace: StructLogs, other: unknown) => unknown> = {
  short: (trace) => {
    const longest = trace.toSorted(
      (a, b) => b.result.structLogs.length - a.result.structLogs.length,
    )[0];
    longest?.result.structLogs.splice(-5);
    return trace;
  },
  empty: (trace) => {
    for (const { result } of trace) result.structLogs = [];
    return trace;
  },
  "another block's": (_, other) => other,
};

function withoutLogs(receipt: object): object {
  return { ...receipt, gasUsed: "0x5208" };
}

/** Every trace is empty. */
const lie: Tamper = async (call, ask) => {
  if (!isStepTrace(call)) return undefined;
  const trace: StructLogs = JSON.parse(JSON.stringify(await ask()));
  return { result: lies["empty"]?.(trace, null) };
};

describe("two nodes of one chain", () => {
  test("share a backfill; one is killed in the middle, and nothing is lost or mixed", async () => {
    const doomed = await startChain();
    expect(doomed.head).toBe(head);
    const members = [
      { name: "doomed", url: doomed.anvil.url },
      { name: "steady", url: anvil.url },
    ];
    const { world, pool } = await worldOf(members);
    let inserted = 0;
    world.rows.beforeInsert = async () => {
      inserted += 1;
    };
    const attempt = start(world, {});
    await expect.poll(() => pool.nodes[0]?.tracesInFlight, { interval: 1 }).toBeGreaterThan(0);
    await doomed.anvil.kill();

    expect(await attempt.result).toMatchObject({ failedCount: 0, nextBlock: head + 1 });
    expect(shownBy(world)).toEqual(expected);
    expect(inserted).toBeGreaterThan(0);
    expect(nodesShown(world)).toContain("steady");
    expect(pool.reports).toContainEqual(expect.objectContaining({ node: "doomed", state: "away" }));
    await doomed.anvil.stop();
  });

  test("are both used: work is spread over them", async () => {
    const [a, b] = [await behindProxy(), await behindProxy()];
    const { world } = await worldOf([
      { name: "a", url: a.url },
      { name: "b", url: b.url },
    ]);
    await index(world, {});
    expect(nodesShown(world)).toEqual(new Set(["a", "b"]));
    expect(shownBy(world)).toEqual(expected);
  });

  test.each(Object.keys(lies))(
    "one answers a trace that is %s: the block is proven on the other, with the evidence kept",
    async (kind) => {
      const first = await callNode(anvil.url, "debug_traceBlockByNumber", ["0x1", {}]);
      const liar = await behindProxy(async (call, ask) => {
        if (!isStepTrace(call)) return undefined;
        const trace: StructLogs = JSON.parse(JSON.stringify(await ask()));
        return { result: lies[kind]?.(trace, first) };
      });
      const { world, pool } = await worldOf([
        { name: "liar", url: liar.url },
        { name: "honest", url: anvil.url },
      ]);

      expect(await index(world, {})).toMatchObject({ failedCount: 0 });

      expect(shownBy(world)).toEqual(expected);
      const evidence = world.ledger.versions.filter(({ status }) => status === "failed");
      expect(evidence.length).toBeGreaterThan(0);
      for (const row of evidence) {
        expect(row).toMatchObject({ node: "liar", errorKind: "proof_mismatch" });
        expect(row.clientVersion).toMatch(/^anvil/);
        expect(row.errorMessage).not.toBe("");
        const winner = world.ledger.winner(row.blockNumber, row.processor);
        expect(winner).toMatchObject({ status: "complete", node: "honest" });
      }
      expect(pool.faults).toContain("liar contradicted");
      // Not asked for each block only to lie again.
      expect(evidence.length).toBeLessThan(head);
    },
  );

  test("both lie about a block: it is booked with the word of each, and quarantined", async () => {
    const { world } = await worldOf([
      { name: "a", url: (await behindProxy(lie)).url },
      { name: "b", url: (await behindProxy(lie)).url },
    ]);

    const result = await index(world, { fromBlock: head, toBlock: head });

    expect(result.failed).toMatchObject([{ blockNumber: head, kind: "proof_mismatch" }]);
    expect(world.ledger.winner(head)).toMatchObject({ status: "quarantined" });
    const said = world.ledger.versions.filter(({ processor }) => processor === "structlog");
    expect(new Set(said.map(({ node }) => node))).toEqual(new Set(["a", "b"]));
  });

  test("one refuses a block for lack of state: the other serves it, and old blocks from then on", async () => {
    const pruned = await behindProxy(({ method }) =>
      method === "debug_traceBlockByHash"
        ? { error: { code: -32_000, message: "missing trie node 0xab (path )" } }
        : undefined,
    );
    const { world, pool } = await worldOf([
      { name: "pruned", url: pruned.url },
      { name: "archive", url: anvil.url },
    ]);
    expect(await index(world, { fromBlock: head, toBlock: head })).toMatchObject({
      failedCount: 0,
    });
    expect(pool.nodes[0]?.noStateUpTo).toBe(head);
    const before = pruned.calls.get("debug_traceBlockByHash");
    await index(world, {});
    expect(pruned.calls.get("debug_traceBlockByHash")).toBe(before);
    expect(shownBy(world)).toEqual(expected);
  });
});

test("a node whose probe finds no old state is not asked for old blocks, and is trusted with the others", async () => {
  const pruned = await behindProxy(({ method, params }) =>
    method === "eth_getBalance" && Number(params[1]) < head
      ? { error: { code: -32_000, message: "missing trie node 0xab (path )" } }
      : undefined,
  );
  const { world, pool } = await worldOf([
    { name: "pruned", url: pruned.url },
    { name: "archive", url: anvil.url },
  ]);
  expect(pool.capabilities).toMatchObject({
    pruned: { archiveDepth: 0, noStateUpTo: 1 },
    archive: { archiveDepth: "all", noStateUpTo: null },
  });
  await index(world, { toBlock: 1 });
  expect(pruned.calls.get("debug_traceBlockByHash")).toBe(1); // that of the probe
  expect(pool.faults).toEqual([]);
  await index(world, {});
  expect(pruned.calls.get("debug_traceBlockByHash")).toBeGreaterThan(1);
  expect(shownBy(world)).toEqual(expected);
});

/** A replica that has heard of blocks up to `lastBlock` only. */
function behind(lastBlock: () => number): Tamper {
  return async ({ method, params: [which, whole] }, ask) => {
    if (method === "eth_blockNumber") return { result: `0x${lastBlock().toString(16)}` };
    if (method !== "eth_getBlockByNumber") return undefined;
    if (which === "latest") {
      const params = [`0x${lastBlock().toString(16)}`, whole];
      return { result: await callNode(anvil.url, method, params) };
    }
    return Number(which) > lastBlock() ? { result: null } : { result: await ask() };
  };
}

test("receipts that a node makes up are found out by their root, and the block comes from the other", async () => {
  const liar = await behindProxy(async ({ method }, ask) => {
    if (method !== "eth_getBlockReceipts") return undefined;
    const receipts: unknown = await ask();
    return { result: Array.isArray(receipts) ? receipts.map(withoutLogs) : receipts };
  });
  const { world, pool } = await worldOf([
    { name: "liar", url: liar.url },
    { name: "honest", url: anvil.url },
  ]);
  expect(await index(world, {})).toMatchObject({ failedCount: 0 });
  expect(shownBy(world)).toEqual(expected);
  const evidence = world.ledger.versions.filter(({ status }) => status === "failed");
  expect(evidence.length).toBeGreaterThan(0);
  expect(new Set(evidence.map(({ node }) => node))).toEqual(new Set(["liar"]));
  expect(pool.faults).toContain("liar contradicted");
});

describe("a replica that lags", () => {
  test("does not lead, is not asked for what it has not, and the head does not go back with it", async () => {
    const stale = await behindProxy(behind(() => tip - 5));
    const fresh = await behindProxy();
    const { world, pool } = await worldOf([
      { name: "stale", url: stale.url },
      { name: "fresh", url: fresh.url },
    ]);
    // Who is late with its head is not waited for.
    await expect.poll(async () => (await pool.asOne.head("latest"))?.number).toBe(tip);

    const follow = { fromBlock: tip - 8, toBlock: null, maximumBlocks: 9 };
    expect(await index(world, follow)).toMatchObject({ nextBlock: tip + 1, failedCount: 0 });
    expect(world.ledger.winner(tip)).toMatchObject({ status: "complete", node: "fresh" });

    await fresh.outage(true);
    for (const _ of [1, 2, 3]) expect((await pool.asOne.head("latest"))?.number).toBe(tip);
    expect(world.ledger.versions.some(({ status }) => status !== "complete")).toBe(false);
  });

  test.each([
    ["", []],
    [", though other calls have all its traces", [{ node: "fresh", traces: 0, restMs: 0 }]],
  ])("books nothing for blocks that only a node which is away has%s", async (_, traceBudgets) => {
    const stale = await behindProxy(behind(() => tip - 5));
    const fresh = await behindProxy();
    const { world } = await worldOf([
      { name: "stale", url: stale.url },
      { name: "fresh", url: fresh.url },
    ]);
    await fresh.outage(true);
    const attempt = index(world, { fromBlock: tip, toBlock: tip, traceBudgets });
    await expect(attempt).rejects.toMatchObject({ name: "NodeUnavailableError" });
    expect(world.ledger.versions).toEqual([]);
  });

  test("is not asked for what it has not, also where the other one is to be spared", async () => {
    const asked: unknown[] = [];
    const lag = behind(() => tip - 5);
    const stale = await behindProxy((call, ask) => {
      asked.push(call.params[0]);
      return lag(call, ask);
    });
    const { world } = await worldOf([
      { name: "stale", url: stale.url },
      { name: "fresh", url: anvil.url },
    ]);
    const traceBudgets = [{ node: "fresh", traces: 0, restMs: 0 }];
    await index(world, { fromBlock: tip, toBlock: tip, traceBudgets });
    expect(world.ledger.winner(tip)).toMatchObject({ status: "complete", node: "fresh" });
    expect(asked).not.toContain(`0x${tip.toString(16)}`);
  });

  test("whose word is the chain's once it catches up, also where the other one never returns", async () => {
    let known = tip - 5;
    const stale = await behindProxy(behind(() => known));
    const fresh = await behindProxy();
    const { pool } = await worldOf([
      { name: "stale", url: stale.url },
      { name: "fresh", url: fresh.url },
    ]);
    await pool.asOne.head("latest");
    await fresh.outage(true);
    await pool.asOne.head("latest");
    known = tip;
    expect(await pool.asOne.head("latest")).toMatchObject({ number: tip });
    await expect.poll(() => pool.leader?.name).toBe("stale");
  });
});

test("a replica that stays on a branch which the chain left does not bring it back, also where it is all that is left", async () => {
  const moving = await startChain();
  const fresh = await behindProxy(undefined, moving.anvil.url);
  const { world, pool } = await worldOf([
    { name: "stale", url: anvil.url },
    { name: "fresh", url: fresh.url },
  ]);
  const follow = start(world, { fromBlock: tip - 4, toBlock: null });
  const shownTip = () => world.ledger.winner(tip);
  await expect.poll(shownTip).toMatchObject({ status: "complete" });
  const oldHash = shownTip()?.blockHash;

  await callNode(moving.anvil.url, "anvil_reorg", [2, []]);
  await callNode(moving.anvil.url, "evm_mine", []);
  await expect
    .poll(() => world.ledger.winner(tip + 1))
    .toMatchObject({ status: "complete", node: "fresh" });
  const newHash = shownTip()?.blockHash;
  expect(newHash).not.toBe(oldHash);

  await fresh.outage(true);
  const asked = pool.faults.length;
  await expect.poll(() => pool.faults.length).toBeGreaterThan(asked);
  for (const _ of [1, 2, 3]) {
    expect((await pool.asOne.head("latest"))?.number).toBe(tip + 1);
  }
  follow.cancel();
  // Looking for what it cannot see any more it may have ended, which Temporal tries again.
  await follow.result.catch((error: unknown) => {
    expect(error).toMatchObject({ name: "NodeUnavailableError" });
  });
  expect(shownTip()).toMatchObject({ status: "complete", blockHash: newHash });
  expect(world.ledger.winner(tip + 1)).toMatchObject({ status: "complete" });
  expect(world.ledger.versions.some(({ status }) => status === "retracted")).toBe(false);
  await moving.anvil.stop();
});

describe("a node that is asked too often", () => {
  test("is left alone for the time it asks for, gets fewer traces at once, and nothing is booked", async () => {
    let refusals = 1;
    let refusedAt = 0;
    let firstAfter = 0;
    const busy = await behindProxy((call) => {
      if (!isStepTrace(call)) return undefined;
      if (refusals === 0) {
        firstAfter ||= Date.now();
        return undefined;
      }
      refusals -= 1;
      refusedAt = Date.now();
      return { status: 429, headers: { "retry-after": "1" } };
    });
    const { world, pool } = await worldOf([{ name: "busy", url: busy.url }]);
    expect(pool.nodes[0]?.traceLimit).toBe(4);

    const result = await index(world, { fromBlock: head, toBlock: head });

    expect(result).toMatchObject({ failedCount: 0, nextBlock: head + 1 });
    expect(firstAfter - refusedAt).toBeGreaterThanOrEqual(950);
    expect(pool.nodes[0]?.traceLimit).toBeLessThan(4);
    expect(world.ledger.versions.every(({ status }) => status === "complete")).toBe(true);
  });

  test("hands its blocks to another node at once", async () => {
    const busy = await behindProxy((call) =>
      call.method.startsWith("debug_") && call.params[0] !== probed
        ? { status: 429, headers: { "retry-after": "600" } }
        : undefined,
    );
    const { world } = await worldOf([
      { name: "busy", url: busy.url },
      { name: "idle", url: anvil.url },
    ]);
    const startedAt = Date.now();
    expect(await index(world, {})).toMatchObject({ failedCount: 0, nextBlock: head + 1 });
    expect(Date.now() - startedAt).toBeLessThan(200_000);
    expect(shownBy(world)).toEqual(expected);
  });
});

describe("a node that must not be used", () => {
  test("because its chain id is another is refused at once, by name and with the fix", async () => {
    const other = await behindProxy(({ method }) =>
      method === "eth_chainId" ? { result: "0x1" } : undefined,
    );
    const pool = createPool(
      [
        { name: "right", url: anvil.url },
        { name: "other", url: other.url },
      ],
      { expectedChainId: 31_337 },
    );
    await expect(pool.open()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [WrongChainError: The node "other" serves another chain than the network "net".
        expected chain id: 31337
        eth_chainId: 1
        Fix: point the network at a node of its chain, or give this chain a network name of its own.]
    `);
  });

  test("because its genesis is another's is refused at once", async () => {
    const other = await startAnvil({ args: ["--no-mining", "--timestamp=1600000000"] });
    const pool = createPool([
      { name: "right", url: anvil.url },
      { name: "other", url: other.url },
    ]);
    await expect(pool.open()).rejects.toMatchObject({
      name: "WrongChainError",
      message: expect.stringContaining("genesis hash"),
    });
    await other.stop();
  });

  test("because it came back as another chain: it is left out, and the rest goes on", async () => {
    let chainId: string | undefined;
    const turncoat = await behindProxy(({ method }) =>
      method === "eth_chainId" && chainId ? { result: chainId } : undefined,
    );
    const right = await behindProxy();
    const { world, pool } = await worldOf([
      { name: "turncoat", url: turncoat.url },
      { name: "right", url: right.url },
    ]);
    await turncoat.outage(true);
    expect(await index(world, { toBlock: 3 })).toMatchObject({ failedCount: 0 });
    chainId = "0x1";
    await turncoat.outage(false);
    const refused = () => pool.reports.some(({ state }) => state === "refused");
    await waitUntil(async () => (await pool.open()) && refused(), {
      what: "the node to be probed again",
    });
    expect(pool.nodes[0]?.isServing).toBe(false);
    await right.outage(true);
    // The other one may come back: that is waited for.
    await expect(index(world, { toBlock: 3, force: true })).rejects.toMatchObject({
      name: "NodeUnavailableError",
    });
    await right.outage(false);
    expect(await index(world, { force: true })).toMatchObject({ failedCount: 0 });
    expect(nodesShown(world)).toEqual(new Set(["right"]));
  });

  test("an outage is over by itself: the node is probed again, and serves as the version it is now", async () => {
    let version: string | undefined;
    const restarted = await behindProxy(({ method }) =>
      method === "web3_clientVersion" && version ? { result: version } : undefined,
    );
    const { pool } = await worldOf([
      { name: "restarted", url: restarted.url },
      { name: "steady", url: anvil.url },
    ]);
    await restarted.outage(true);
    await waitUntil(async () => (await pool.open()) && pool.nodes[0]?.isServing === false, {
      what: "the outage to be seen",
    });
    version = "anvil/v9.9.9";
    await restarted.outage(false);
    await waitUntil(async () => (await pool.open()) && pool.nodes[0]?.isServing, {
      what: "the node to serve again",
    });
    expect(pool.nodes[0]?.chain?.clientVersion).toBe(version);
    expect(pool.reports).toContainEqual(
      expect.objectContaining({
        node: "restarted",
        reason: expect.stringContaining("another version"),
      }),
    );
  });
});

describe("a node that cannot trace a block as a whole", () => {
  test.each([
    ["its size", -32_008, "Response is too big"],
    ["one transaction", -32_000, "tracing failed: execution timeout"],
  ])(
    "because of %s traces each transaction by itself, and the block is proven",
    async (_, code, message) => {
      const small = await behindProxy((call) =>
        isStepTrace(call) ? { error: { code, message } } : undefined,
      );
      const { world, pool } = await worldOf([{ name: "small", url: small.url }]);

      expect(await index(world, {})).toMatchObject({ failedCount: 0, nextBlock: head + 1 });

      expect(shownBy(world)).toEqual(expected);
      expect(small.calls.get("debug_traceTransaction")).toBeGreaterThan(0);
      expect(pool.nodes[0]?.node.singlesFromGas).toBeGreaterThan(0);
    },
  );

  test("is not asked again for blocks of that size", async () => {
    let refused = 0;
    const small = await behindProxy((call) => {
      if (!isStepTrace(call)) return undefined;
      refused += 1;
      return { error: { code: -32_008, message: "Response is too big" } };
    });
    const { world } = await worldOf([{ name: "small", url: small.url }]);
    const last = { fromBlock: head, toBlock: head };
    await index(world, last);
    await index(world, { ...last, force: true });
    await index(world, { ...last, force: true });
    expect(refused).toBe(1);
    expect(world.ledger.winner(head)).toMatchObject({ status: "complete" });
  });
});

test("one node in a pool is sent the same requests as one without", async () => {
  const [alone, pooled] = [await behindProxy(), await behindProxy()];
  const endpoint = { name: "alone", url: alone.url, headers: {} };
  const node = createExecutionNode(endpoint, { traceTimeoutMs: 30_000 });
  await index(createFakeWorld({ node }), { fromBlock: 1 });
  const { world } = await worldOf([{ name: "pooled", url: pooled.url }]);
  pooled.calls.clear();
  await index(world, { fromBlock: 1 });
  alone.calls.delete("web3_clientVersion"); // the probe asked it in the pool
  expect(Object.fromEntries(pooled.calls)).toEqual(Object.fromEntries(alone.calls));
});

test("headers reach the node, and no report and no error holds them or the url", async () => {
  const guarded = await behindProxy();
  const url = `${guarded.url}/${secret}?key=${secret}`;
  const pool = createPool([
    { name: "guarded", url, headers: { authorization: `Bearer ${secret}` } },
    { name: "other", url: "http://127.0.0.1:9/", headers: { "x-key": secret } },
  ]);
  await pool.open();
  expect(guarded.lastHeaders["authorization"]).toBe(`Bearer ${secret}`);
  await guarded.outage(true);
  const error = await waitUntil(
    async (): Promise<Error | undefined> => {
      const fault = await pool.open().catch((reason: unknown) => reason);
      return fault instanceof Error ? fault : undefined;
    },
    { what: "the outage to be seen" },
  );
  expect(error).toMatchObject({ name: "NodeUnavailableError" });
  const said = JSON.stringify([pool.reports, String(error), error]);
  expect(said).toContain("guarded");
  expect(said).not.toContain(secret);
  expect(said).not.toContain("127.0.0.1");
});
