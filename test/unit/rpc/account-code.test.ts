import { expect, test } from "vitest";
import { NodeUnavailableError } from "../../../src/errors.ts";
import { findCode } from "../../../src/rpc/account-code.ts";

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

const calls = {
  async demandEach(_method: string, params: readonly (readonly unknown[])[]): Promise<unknown[]> {
    return params.map(([account]) => codes[String(account)]);
  },
};

test("an account runs code of its own, or that of the one that it delegates to, and no further", async () => {
  expect(await runCode({ followsDelegations: true })).toEqual(["1", "4"]);
  expect(await runCode({ followsDelegations: false })).toEqual(["1"]);
});

/** The digits of the addresses that run code. */
async function runCode(how: { readonly followsDelegations: boolean }) {
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8"];
  const found = await findCode(calls, { addresses: digits.map(address), blockHash, ...how });
  return digits.filter((_, index) => found?.[index]);
}

test("a node that refuses or is away says nothing", async () => {
  const away = {
    demandEach: () =>
      Promise.reject(
        new NodeUnavailableError({ node: "a", method: "eth_getCode", reason: "gone" }),
      ),
  };
  const query = { addresses: [address("1")], blockHash, followsDelegations: true };
  expect(await findCode(away, query)).toBeNull();
});
