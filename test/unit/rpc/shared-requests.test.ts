import { afterEach, expect, test, vi } from "vitest";
import { RpcRefusal, TransportFault } from "../../../src/rpc/faults.ts";
import type { JsonRpc, RpcCall } from "../../../src/rpc/json-rpc.ts";
import { createSharedCall } from "../../../src/rpc/shared-requests.ts";

type Node = JsonRpc & { readonly requests: RpcCall[][] };

const answer = ({ params }: RpcCall) => params[0];

/** Answers each call with its first parameter; notes what came in one request. */
function createNode(batch: (answers: unknown[]) => Promise<unknown[]>): Node {
  const requests: RpcCall[][] = [];
  return {
    requests,
    async call(call) {
      requests.push([call]);
      return answer(call);
    },
    batch(calls) {
      requests.push([...calls]);
      return batch(calls.map(answer));
    },
  };
}

const ask = (number: number): RpcCall => ({ method: "eth_getBlockByNumber", params: [number] });
const sizes = (node: Node) => node.requests.map((calls) => calls.length);

test("calls of the same moment share requests of at most eight, and each gets its own answer", async () => {
  const node = createNode(async (answers) => answers);
  const call = createSharedCall(node);
  const numbers = Array.from({ length: 11 }, (_, index) => index);
  expect(await Promise.all(numbers.map((number) => call(ask(number))))).toEqual(numbers);
  expect(await call(ask(99))).toBe(99);
  expect(sizes(node)).toEqual([8, 3, 1]);
});

test("a call that is refused in company is asked again alone", async () => {
  const refusal = new RpcRefusal({ code: -32003, message: "response too large" });
  const node = createNode(async (answers) => answers.with(1, refusal));
  const call = createSharedCall(node);
  expect(await Promise.all([1, 2, 3].map((number) => call(ask(number))))).toEqual([1, 2, 3]);
  expect(sizes(node)).toEqual([3, 1]);
});

test("a node that takes no batch is asked one by one from then on, and after a while is tried again", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });

  const node = createNode(async () => {
    throw new TransportFault("HTTP 400", { isTransient: false });
  });
  const call = createSharedCall(node);
  expect(await Promise.all([1, 2].map((number) => call(ask(number))))).toEqual([1, 2]);
  expect(await Promise.all([3, 4].map((number) => call(ask(number))))).toEqual([3, 4]);
  expect(sizes(node)).toEqual([2, 1, 1, 1, 1]);
  vi.setSystemTime(Date.now() + 11 * 60_000);
  expect(await Promise.all([5, 6].map((number) => call(ask(number))))).toEqual([5, 6]);
  expect(sizes(node).slice(5)).toEqual([2, 1, 1]);
});
afterEach(() => {
  vi.useRealTimers();
});

test("a shared request is given up when nobody waits for it any more, and not before", async () => {
  const signals: AbortSignal[] = [];
  const node: JsonRpc = {
    call: async () => {
      throw new Error("aborted");
    },
    batch: (_calls, options) =>
      new Promise((_resolve, reject) => {
        if (options?.signal) signals.push(options.signal);
        options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      }),
  };
  const call = createSharedCall(node);
  const [one, other] = [new AbortController(), new AbortController()];
  const both = Promise.allSettled([
    call(ask(1), { signal: one.signal }),
    call(ask(2), { signal: other.signal }),
  ]);
  await expect.poll(() => signals).toHaveLength(1);
  one.abort();
  expect(signals[0]?.aborted).toBe(false);
  other.abort();
  expect(signals[0]?.aborted).toBe(true);
  expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});
