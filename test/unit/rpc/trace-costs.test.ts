import { describe, expect, test } from "vitest";
import { isLoopback } from "../../../src/rpc/endpoint.ts";
import { TraceCosts } from "../../../src/rpc/trace-costs.ts";

const megabyte = 1024 * 1024;
const heavyGas = 20_000_000;

/** Traces one block; what its way was. */
function trace(costs: TraceCosts, msPerMgas: { lean: number; stacks: number }, gas = heavyGas) {
  const way = costs.chooseWay(gas);
  const name = way.stacks ? "stacks" : "lean";
  way.spent((msPerMgas[name] * gas) / 1_000_000 / 2);
  way.spent((msPerMgas[name] * gas) / 1_000_000 / 2);
  way.proved();
  way.end();
  return name;
}

function repeat<Result>(times: number, act: () => Result): Result[] {
  return Array.from({ length: times }, act);
}

describe("the way to trace a block whose stacks nobody needs", () => {
  test("is without stacks where that is cheaper, as it is on geth", () => {
    const costs = new TraceCosts(() => false);
    expect(costs.way).toBeNull();
    const ways = repeat(20, () => trace(costs, { lean: 10, stacks: 29 }));
    expect(ways.filter((way) => way === "stacks")).toHaveLength(3);
    expect(costs.way).toBe("lean");
  });

  test("is with stacks on a node that gives them for less, blocks of all sizes among them", () => {
    const costs = new TraceCosts(() => false);
    let block = 0;
    const ways = repeat(20, () => {
      block += 1;
      return trace(costs, { lean: 10, stacks: 5 }, heavyGas * (1 + (block % 3)));
    });
    expect(costs.way).toBe("stacks");
    expect(ways.slice(6)).toEqual(repeat(14, () => "stacks"));
  });

  test("is not tried on light blocks, nor on one that has the node for itself", () => {
    const costs = new TraceCosts(() => false);
    for (const gas of [0, 21_000, 900_000, 100_000_000]) {
      expect(repeat(5, () => trace(costs, { lean: 10, stacks: 1 }, gas))).not.toContain("stacks");
    }
    expect(costs.way).toBeNull();
  });

  test("says nothing where the attempt came to nothing, and is left where it led to a failed block", () => {
    const costs = new TraceCosts(() => false);
    repeat(10, () => costs.chooseWay(heavyGas).end());
    expect(costs.way).toBeNull();
    const ways = repeat(20, () => {
      const way = costs.chooseWay(heavyGas);
      way.spent(way.stacks ? 1 : 100);
      if (way.stacks) way.failed();
      else way.proved();
      way.end();
      return way.stacks;
    });
    expect(ways.filter(Boolean)).toHaveLength(1);
    expect(costs.way).toBe("lean");
  });

  test("is measured anew on another version of the node; what is under way then tells nothing", () => {
    const costs = new TraceCosts(() => false);
    repeat(10, () => trace(costs, { lean: 10, stacks: 29 }));
    const old = costs.chooseWay(heavyGas);
    costs.forget();
    expect(costs.way).toBeNull();
    old.proved();
    repeat(6, () => trace(costs, { lean: 29, stacks: 10 }));
    expect(costs.way).toBe("stacks");
  });

  test("does not change for an attempt that has begun", () => {
    const costs = new TraceCosts(() => false);
    const first = costs.chooseWay(heavyGas);
    repeat(10, () => trace(costs, { lean: 29, stacks: 10 }));
    expect([first.stacks, costs.way]).toEqual([false, "stacks"]);
  });
});

/** One answer; the encoding that it came in. */
const answer = (costs: TraceCosts, ms: { identity: number; gzip: number }, bytes: number) => {
  const one = costs.chooseEncoding("steps", heavyGas);
  one.came({ ms: ms[one.encoding], bytes });
  one.end();
  return one.encoding;
};

describe("the encoding of an answer", () => {
  test("is gzip only where it is faster by the megabyte", () => {
    for (const [gzip, chosen] of [
      [40, true],
      [95, false],
      [300, false],
    ] as const) {
      const costs = new TraceCosts(() => true);
      repeat(6, () => answer(costs, { identity: 100, gzip }, 4 * megabyte));
      expect(costs.compresses).toBe(chosen);
    }
  });

  test("is not decided by small answers", () => {
    const costs = new TraceCosts(() => true);
    repeat(20, () => answer(costs, { identity: 100, gzip: 1 }, 10_000));
    expect(costs.compresses).toBeNull();
  });

  test("is each kind's own", () => {
    const costs = new TraceCosts(() => true);
    repeat(6, () => answer(costs, { identity: 100, gzip: 1 }, megabyte));
    const encodings = repeat(2, () => costs.chooseEncoding("stacks", heavyGas).encoding);
    expect(encodings).toEqual(["identity", "gzip"]);
  });

  test("is never tried where it may not be", () => {
    const costs = new TraceCosts(() => false);
    const encodings = repeat(20, () => answer(costs, { identity: 100, gzip: 1 }, megabyte));
    expect(new Set(encodings)).toEqual(new Set(["identity"]));
    expect(costs.compresses).toBe(false);
  });

  test("is plain at once where a compressed answer was broken", () => {
    const costs = new TraceCosts(() => true);
    repeat(6, () => answer(costs, { identity: 100, gzip: 1 }, megabyte));
    const broken = costs.chooseEncoding("steps", heavyGas);
    expect(broken.encoding).toBe("gzip");
    broken.broken();
    expect(costs.chooseEncoding("steps", heavyGas).encoding).toBe("identity");
  });
});

test.each([
  ["http://localhost:8545", true],
  ["http://127.0.0.1:8545/key", true],
  ["http://127.8.9.1", true],
  ["http://[::1]:8545", true],
  ["http://0.0.0.0:8545", true],
  ["http://node.localhost", true],
  ["http://10.0.0.2:8545", false],
  ["http://geth:8545", false],
  ["https://127.0.0.1.example", false],
  ["https://localhost.example", false],
])("%s is this machine: %s", (url, expected) => {
  expect(isLoopback(url)).toBe(expected);
});
