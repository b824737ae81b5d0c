import type { Hex } from "viem";
import { assemble, deployer } from "./assembler.ts";
import { callees, callOf, creationOf, initCodes, precompiles } from "./scenarios.ts";
import type { TracedChain } from "./traced-chain.ts";

export type Scenario = { readonly name: string; readonly blockHash: Hex };

const callWays = ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"] as const;

/** Runs every scenario on a chain, one transaction and block each; `pick` thins them out. */
export async function runScenarios(
  chain: TracedChain,
  pick: (name: string) => boolean = () => true,
): Promise<Scenario[]> {
  const done: Scenario[] = [];
  const run = async (name: string, request: Parameters<TracedChain["send"]>[0]) => {
    if (!pick(name)) return;
    const { blockHash } = await chain.send(request);
    done.push({ name, blockHash });
  };
  const deploy = async (runtime: string) => {
    const receipt = await chain.send({ data: deployer(runtime), gas: 3_000_000n });
    if (!receipt.contractAddress) throw new Error("a contract was not deployed");
    return receipt.contractAddress;
  };
  const runCode = async (name: string, code: string, value = 10n, gas = 2_000_000n) => {
    if (!pick(name)) return;
    await run(name, { to: await deploy(code), value, gas });
  };

  await run("transfer", { to: `0x${"22".repeat(20)}`, value: 1n, gas: 50_000n });
  await run("transfer_with_data", { to: `0x${"22".repeat(20)}`, data: "0x00ff00aa", gas: 50_000n });
  for (const [name, code] of Object.entries(callees)) {
    if (![name, ...callWays.map((way) => `${name}_${way}`), `${name}_value`].some(pick)) continue;
    const target = await deploy(code);
    await run(name, { to: target, gas: 200_000n });
    for (const way of callWays) {
      await runCode(
        `${name}_${way}`,
        callOf(way, target) + callOf(way, target, { gas: "0xffffffff" }),
      );
    }
    await runCode(
      `${name}_value`,
      callOf("CALL", target, { value: 1 }) + callOf("CALL", target, { gas: "0x00", value: 1 }),
    );
  }
  for (const [name, code] of Object.entries(initCodes)) {
    await runCode(
      `create_${name}`,
      creationOf("CREATE", code) + creationOf("CREATE", code, { value: 1 }),
    );
    await runCode(`create2_${name}`, creationOf("CREATE2", code) + creationOf("CREATE2", code));
    await runCode(`create_poor_${name}`, creationOf("CREATE", code, { value: 255 }));
    await runCode(
      `create_static_${name}`,
      callOf("STATICCALL", await deploy(creationOf("CREATE", code))),
    );
    await run(`txcreate_${name}`, { data: `0x${code}`, gas: 400_000n });
    await run(`txcreate_tight_${name}`, {
      data: `0x${code}`,
      gas: 54_000n + BigInt(code.length * 8),
    });
  }
  for (const number of precompiles) {
    const address: Hex = `0x${number.toString(16).padStart(40, "0")}`;
    for (const inputBytes of [0, 33, 160, 213, 384]) {
      await runCode(
        `precompile_${number}_${inputBytes}`,
        [
          callOf("CALL", address, { inputBytes, gas: "0x030d40" }),
          callOf("STATICCALL", address, { inputBytes, gas: "0x030d40" }),
          callOf("CALL", address, { inputBytes, gas: "0x05" }),
          callOf("CALL", address, { inputBytes, value: 1 }),
        ].join(""),
      );
      const data: Hex = `0x${"01".repeat(inputBytes)}`;
      await run(`tx_precompile_${number}_${inputBytes}`, {
        to: address,
        data,
        gas: 400_000n,
      });
    }
  }
  await runMore(run, runCode, deploy);
  return done;
}

type Run = (name: string, request: Parameters<TracedChain["send"]>[0]) => Promise<void>;
type RunCode = (name: string, code: string, value?: bigint, gas?: bigint) => Promise<void>;

async function runMore(run: Run, runCode: RunCode, deploy: (runtime: string) => Promise<Hex>) {
  const eoa = `0x${"33".repeat(20)}`;
  for (const way of callWays) {
    await runCode(`account_${way}`, callOf(way, eoa) + callOf(way, eoa));
    await runCode(`zero_account_${way}`, callOf(way, "0x00"));
    await runCode(`dirty_address_${way}`, callOf(way, `0x${"ff".repeat(12)}${"00".repeat(19)}04`));
  }
  await runCode(
    "account_value",
    callOf("CALL", eoa, { value: 1 }) + callOf("CALL", `0x${"44".repeat(20)}`, { value: 1 }),
  );
  await runCode("account_poor", callOf("CALL", eoa, { value: 200 }));
  await runCode("precompile_poor", callOf("CALL", "0x04", { value: 200 }));
  await runCode("call_out_of_gas", callOf("CALL", eoa), 0n, 21_020n);
  await runCode("call_memory", assemble(100, 1000, 64, 640, 0, eoa, 5000, "CALL"));
  await runCode("call_underflow", assemble(1, "CALL"));
  await runCode("refund", await refundingCode(deploy));
  await runCode("deep", callees["recurses"] ?? "", 0n, 10_000_000n);
  const target = await deploy(callees["sstoreSet"] ?? "");
  await run("access_list", {
    to: target,
    extra: { accessList: [{ address: target, storageKeys: [`0x${"00".repeat(32)}`] }] },
  });
  await run("type_1", {
    to: target,
    extra: {
      gasPrice: 10n ** 11n,
      accessList: [{ address: target, storageKeys: [] }],
      type: "eip2930",
    },
  });
  await run("legacy", { to: target, extra: { gasPrice: 10n ** 11n, type: "legacy" } });
  await run("calldata_floor", { to: target, data: `0x${"01".repeat(4000)}`, gas: 400_000n });
}

/** A contract that fills slots at its creation and clears them when called. */
async function refundingCode(deploy: (runtime: string) => Promise<Hex>): Promise<string> {
  const clearing = Array.from({ length: 5 }, (_, slot) =>
    assemble(1, slot + 1, "SSTORE", 0, slot + 1, "SSTORE"),
  );
  return callOf("DELEGATECALL", await deploy(clearing.join("")), { gas: "0xffffff" });
}
