import { expect, test } from "vitest";
import { NodeUnavailableError } from "../../../src/errors.ts";
import { findCode } from "../../../src/rpc/account-code.ts";
import { RpcRefusal } from "../../../src/rpc/faults.ts";

const address = (digit: string) => `0x${digit.repeat(40)}`;
const blockHash = `0x${"7".repeat(64)}` as const;
const delegateTo = (digit: string) => `0xef0100${digit.repeat(40)}`;

const codes: Readonly<Record<string, string>> = {
  [address("1")]: "0x6000",
  [address("2")]: "0x",
  [address("3")]: "0xfe",
  [address("4")]: delegateTo("1"),
  [address("5")]: delegateTo("2"),
  [address("6")]: delegateTo("4"),
  [address("7")]: "0xef00",
  [address("8")]: "0x60006000fd",
};

const answering = {
  calls: {
    async askEach(_method: string, params: readonly (readonly unknown[])[]): Promise<unknown[]> {
      return params.map(([account]) => codes[String(account)]);
    },
    malformed: (method: string) => outage(method, "the answer has another shape"),
  },
  isHealthy: () => Promise.resolve(true),
};
const query = { addresses: [address("1")], blockHash, followsDelegations: true };

function outage(method: string, reason: string) {
  return new NodeUnavailableError({ node: "a", method, reason });
}

/** A node that says this, one after the other, and then what it knows. */
function sayingFirst(...faults: readonly Error[]) {
  const left = [...faults];
  const askEach: typeof answering.calls.askEach = (method, params) => {
    const fault = left.shift();
    return fault ? Promise.reject(fault) : answering.calls.askEach(method, params);
  };
  return { ...answering, calls: { ...answering.calls, askEach } };
}

test("an account runs code of its own, or that of the one that it delegates to, and no further", async () => {
  expect(await runCode({ followsDelegations: true })).toEqual(["1", "4"]);
  expect(await runCode({ followsDelegations: false })).toEqual(["1"]);
});

/** The digits of the addresses that run code. */
async function runCode(how: { readonly followsDelegations: boolean }) {
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8"];
  const found = await findCode(answering, { addresses: digits.map(address), blockHash, ...how });
  return digits.filter((_, index) => found.haveCode?.[index]);
}

test("a node that refuses is not asked twice, and says why", async () => {
  const refusal = new RpcRefusal({ code: -32_000, message: "missing trie node" });
  expect(await findCode(sayingFirst(refusal), query)).toEqual({
    haveCode: null,
    why: "JSON-RPC error -32000: missing trie node",
  });
});

test("a moment's outage is asked over; a node that never answers this, and is well, says nothing", async () => {
  const hangs = outage("eth_getCode", "no answer within 30 s");
  expect(await findCode(sayingFirst(hangs), query)).toEqual({ haveCode: [true] });
  expect(await findCode(sayingFirst(hangs, hangs), query)).toEqual({
    haveCode: null,
    why: "eth_getCode: no answer within 30 s",
  });
});

test("a node that is away altogether is no word on code", async () => {
  const gone = outage("eth_getCode", "ECONNREFUSED");
  const away = { ...sayingFirst(gone), isHealthy: () => Promise.resolve(false) };
  await expect(findCode(away, query)).rejects.toBe(gone);
});

test("an answer that is no code is none", async () => {
  const unknown = { ...query, addresses: [address("9")] };
  expect(await findCode(answering, unknown)).toMatchObject({ haveCode: null });
});
