import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { NodeUnavailableError } from "../../../src/errors.ts";
import { createLogger } from "../../../src/observability/logger.ts";

function capture() {
  let text = "";
  const destination = new Writable({
    write(part: Buffer, _, done) {
      text += part.toString();
      done();
    },
  });
  return { destination, read: () => text };
}

describe("the logger", () => {
  test("writes one JSON line an entry, without nanoseconds, urls, secrets and stacks", () => {
    const { destination, read } = capture();
    const logger = createLogger({ level: "info", format: "json" }, destination);
    logger.info("Indexed blocks", { fromBlock: 1, toBlock: 9, bytes: 12n });
    logger.warn("Activity failed", {
      error: new NodeUnavailableError({ node: "a", method: "eth_chainId", reason: "ECONNREFUSED" }),
      url: "http://host/token-1",
      node: { headers: { authorization: "Bearer token-2" }, password: "token-3" },
      note: "see https://host/token-4",
    });
    logger.debug("not at this level");
    const lines = read()
      .trim()
      .split("\n")
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      fromBlock: 1,
      toBlock: 9,
      bytes: "12",
      msg: "Indexed blocks",
    });
    expect(lines[1]).toMatchObject({ level: "warn", error: { type: "NodeUnavailableError" } });
    expect(read()).not.toMatch(/token-|\.ts:\d+/);
  });

  test("trace shows everything, error only errors", () => {
    const loud = capture();
    const quiet = capture();
    for (const [level, { destination }] of [
      ["trace", loud],
      ["error", quiet],
    ] as const) {
      const logger = createLogger({ level, format: "json" }, destination);
      for (const method of ["trace", "debug", "info", "warn", "error"] as const)
        logger[method](method);
    }
    expect(loud.read().trim().split("\n")).toHaveLength(5);
    expect(quiet.read().trim().split("\n")).toHaveLength(1);
  });

  test("the pretty form is for people", () => {
    const { destination, read } = capture();
    createLogger({ level: "info", format: "pretty" }, destination).info("Ready", {
      network: "demo",
      taskToken: "long",
    });
    expect(read()).toMatch(/^\[[\d:.]+\] INFO: Ready \{"network":"demo"\}\n$/);
  });
});
