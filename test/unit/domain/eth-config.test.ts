import { describe, expect, test } from "vitest";
import { scheduleOfEthConfig } from "../../../src/domain/eth-config.ts";
import { forkAt } from "../../../src/domain/fork-schedule.ts";

const entry = (activationTime: number, ...precompiles: string[]) => ({
  activationTime,
  precompiles: Object.fromEntries(precompiles.map((name, i) => [name, `0x${i}`])),
});
const cancun = ["ECREC", "KZG_POINT_EVALUATION"];
const prague = [...cancun, "BLS12_G1ADD"];
const osaka = [...prague, "P256VERIFY"];

const forkOf = (...names: string[]) =>
  scheduleOfEthConfig({ current: entry(0, ...names) })?.[0]?.fork;

describe("eth_config", () => {
  test("names the fork in force from its activation on, and nothing before it", () => {
    const schedule = scheduleOfEthConfig({
      current: entry(1000, ...prague),
      next: null,
      last: null,
    });
    expect(forkAt(schedule!, { number: 1, timestamp: 1000 })).toBe("prague");
    expect(forkAt(schedule!, { number: 1, timestamp: 999 })).toBeNull();
  });

  test("names planned forks from their time on", () => {
    const next = entry(2000, ...osaka);
    const schedule = scheduleOfEthConfig({ current: entry(0, ...prague), next, last: next });
    expect(forkAt(schedule!, { number: 1, timestamp: 1999 })).toBe("prague");
    expect(forkAt(schedule!, { number: 1, timestamp: 2000 })).toBe("osaka");
  });

  test("tells the forks by their newest precompile", () => {
    expect([forkOf(...cancun), forkOf(...prague), forkOf(...osaka)]).toEqual([
      "cancun",
      "prague",
      "osaka",
    ]);
  });

  test("decides nothing from an entry that it cannot tell", () => {
    for (const answer of [
      null,
      "x",
      {},
      { current: entry(0, "ECREC") },
      { current: { activationTime: "0", precompiles: {} } },
      { current: entry(0, ...osaka), next: entry(9, "ECREC") },
      {
        current: {
          ...entry(0, ...osaka),
          systemContracts: { BUILDER_DEPOSIT_CONTRACT_ADDRESS: "0x0" },
        },
      },
    ]) {
      expect(scheduleOfEthConfig(answer)).toBeNull();
    }
  });
});
