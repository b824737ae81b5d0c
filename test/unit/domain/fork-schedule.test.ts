import { describe, expect, it } from "vitest";
import {
  forkAt,
  parseGenesisForks,
  scheduleOfChain,
  scheduleOfHardfork,
} from "../../../src/domain/fork-schedule.ts";

describe("the fork schedule", () => {
  it.each([
    [0, 0, "frontier"],
    [1_149_999, 0, "frontier"],
    [1_150_000, 0, "homestead"],
    [4_370_000, 0, "byzantium"],
    [7_280_000, 0, "petersburg"],
    [12_964_999, 0, "berlin"],
    [12_965_000, 0, "london"],
    [17_034_869, 1_681_338_454, "paris"],
    [17_034_870, 1_681_338_455, "shanghai"],
    [22_431_084, 1_746_612_311, "prague"],
    [24_000_000, 1_764_798_551, "osaka"],
  ])("of mainnet gives block %i at time %i the fork %s", (number, timestamp, fork) => {
    const mainnet = scheduleOfChain(1);
    expect(mainnet && forkAt(mainnet, { number, timestamp })).toBe(fork);
  });

  it.each([11_155_111, 17_000, 560_048])(
    "of the public test chain %i ends with osaka",
    (chainId) => {
      const schedule = scheduleOfChain(chainId);
      expect(schedule && forkAt(schedule, { number: 10_000_000, timestamp: 1_800_000_000 })).toBe(
        "osaka",
      );
    },
  );

  it("of an unknown chain is null, never guessed", () => {
    expect(scheduleOfChain(424_242)).toBeNull();
  });

  it("of a hardfork's name holds from the first block on, whatever its spelling", () => {
    const names = {
      Osaka: "osaka",
      BPO1: "osaka",
      bpo2: "osaka",
      "Spurious Dragon": "spurious",
      PRAGUE: "prague",
      Merge: "paris",
    };
    for (const [name, fork] of Object.entries(names)) {
      const schedule = scheduleOfHardfork(name);
      expect(schedule && forkAt(schedule, { number: 0, timestamp: 0 })).toBe(fork);
    }
    expect(scheduleOfHardfork("tomorrow")).toBeNull();
  });

  it("of a genesis file follows its config", () => {
    const schedule = parseGenesisForks({
      config: {
        chainId: 7,
        homesteadBlock: 0,
        byzantiumBlock: "10",
        londonBlock: 20,
        terminalTotalDifficulty: 5,
        cancunTime: 1000,
        pragueTime: null,
      },
    });
    const at = (number: number, timestamp = 0) => forkAt(schedule, { number, timestamp });
    expect([at(0), at(9), at(10), at(20), at(20, 999), at(20, 1000)]).toEqual([
      "homestead",
      "homestead",
      "byzantium",
      "london",
      "london",
      "cancun",
    ]);
  });

  it("of a chain that was always proof of stake knows so without a block", () => {
    const schedule = parseGenesisForks({ londonBlock: 0, terminalTotalDifficulty: 0 });
    expect(forkAt(schedule, { number: 0, timestamp: 0 })).toBe("paris");
  });

  it.each([
    null,
    [],
    5,
    { config: 5 },
    { config: { londonBlock: "soon" } },
    { config: { londonBlock: "" } },
    { config: { pragueTime: " " } },
    { config: { cancunTime: -1 } },
  ])("is refused for %j", (genesis) => {
    expect(() => parseGenesisForks(genesis)).toThrow(TypeError);
  });
});
