import { describe, expect, test } from "vitest";
import { StreamFailed, type StreamOptions } from "../../../src/rpc/byte-stream.ts";
import type { RpcCall } from "../../../src/rpc/json-rpc.ts";
import { NodeAbilities } from "../../../src/rpc/node-abilities.ts";

type Answer = (call: RpcCall) => object;

/** A node that answers small calls, compressed or not. */
function nodeThat(answer: Answer, isCompressed = false) {
  const asked: string[] = [];
  async function* stream(call: RpcCall, options: StreamOptions) {
    asked.push(call.method);
    options.onEncoding?.(isCompressed);
    yield Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, ...answer(call) }));
  }
  return { asked, stream };
}

const remote = { url: "http://10.0.0.2:8545" };
const gone = { error: { code: -32_000, message: "missing trie node" } };
const fail: Answer = () => {
  throw new StreamFailed({ kind: "socket", reason: "ECONNRESET" }, { isBegun: false });
};
const archive: Answer = () => ({ result: "0x0" });
const prunedBelow =
  (lowest: number): Answer =>
  ({ method, params }) =>
    method === "eth_getBalance" && Number(params[1]) < lowest ? gone : { result: "0x0" };

describe("what a node can do", () => {
  test("is nothing known before it was asked, and is asked for in six calls at the most", async () => {
    const abilities = new NodeAbilities(remote);
    expect(abilities.facts).toEqual({
      accountCode: "unknown",
      gzip: "unknown",
      asksGzip: null,
      traceWay: null,
      archiveDepth: null,
      noStateUpTo: null,
    });
    const node = nodeThat(prunedBelow(19_990_001), true);
    await abilities.probe(node, 20_000_000);
    expect(abilities.facts).toMatchObject({
      gzip: "yes",
      archiveDepth: 128,
      noStateUpTo: 19_990_000,
    });
    expect(node.asked).toHaveLength(6);
  });

  test("follows the node: what has become an archive has what it did not have", async () => {
    const abilities = new NodeAbilities(remote);
    await abilities.probe(nodeThat(prunedBelow(900)), 1_000);
    abilities.lacksState(950);
    expect(abilities.noStateUpTo).toBe(950);
    await abilities.probe(nodeThat(prunedBelow(2_000)), 2_100);
    expect(abilities.noStateUpTo).toBe(1_972);
    await abilities.probe(nodeThat(archive), 2_200);
    expect(abilities.facts).toMatchObject({ archiveDepth: "all", noStateUpTo: null });
  });

  test("keeps what a trace has shown against the word of a probe, until it is another version", async () => {
    const abilities = new NodeAbilities(remote);
    abilities.lacksState(950);
    await abilities.probe(nodeThat(archive), 1_000);
    expect(abilities.noStateUpTo).toBe(950);
    abilities.forget();
    expect(abilities.noStateUpTo).toBeNull();
  });

  test("stays as it was where the node does not answer, or not in JSON", async () => {
    const abilities = new NodeAbilities(remote);
    await abilities.probe(nodeThat(prunedBelow(900), true), 1_000);
    const before = abilities.facts;
    await abilities.probe(nodeThat(fail), 1_100);
    await abilities.probe(
      {
        async *stream() {
          yield Buffer.from("<html>");
        },
      },
      1_100,
    );
    expect(abilities.facts).toEqual(before);
  });

  test("rules out gzip where the server has none, and on this machine", async () => {
    const abilities = new NodeAbilities(remote);
    await abilities.probe(nodeThat(archive, false), 10);
    expect(abilities.facts).toMatchObject({ gzip: "no", asksGzip: false });
    const local = new NodeAbilities({ url: "http://127.0.0.1:8545" });
    await local.probe(nodeThat(archive, true), 10);
    expect(local.facts).toMatchObject({ gzip: "yes", asksGzip: false });
  });

  test("is told when it changes, and not for a head that moves", async () => {
    const abilities = new NodeAbilities(remote);
    expect(abilities.takeNews()).toBe(false);
    await abilities.probe(nodeThat(prunedBelow(900)), 1_000);
    expect(abilities.takeNews()).toBe(true);
    await abilities.probe(nodeThat(prunedBelow(1_900)), 2_000);
    expect(abilities.takeNews()).toBe(false);
    for (let block = 0; block < 6; block += 1) {
      const way = abilities.costs.chooseWay(20_000_000);
      way.spent(way.stacks ? 1 : 2);
      way.proved();
    }
    expect(abilities.facts.traceWay).toBe("stacks");
    expect([abilities.takeNews(), abilities.takeNews()]).toEqual([true, false]);
  });
});
