import { describe, expect, test } from "vitest";
import { RpcRefusal } from "../../../src/rpc/faults.ts";
import { classifyStreamFault, type StreamFault } from "../../../src/rpc/trace-fault.ts";

const socket: StreamFault = { kind: "socket", reason: "ECONNRESET" };
const silent: StreamFault = { kind: "silent", reason: "no more bytes" };
const status = (code: number, refusal?: RpcRefusal): StreamFault => ({
  kind: "status",
  status: code,
  refusal,
});
const refusal = new RpcRefusal({ code: -32000, message: "no state" });

describe("a failed trace is booked to the block only while the node lives", () => {
  test.each([
    ["a socket that breaks after the first byte", socket, true, "trace_cut"],
    ["a socket that breaks before the first byte", socket, false, "node_unavailable"],
    ["a node that falls silent", silent, true, "deadline_exceeded"],
    ["a node that never begins", silent, false, "deadline_exceeded"],
    ["too many requests", status(429), false, "node_unavailable"],
    [
      "too many requests, said in JSON-RPC",
      status(500, new RpcRefusal({ code: -32005, message: "" })),
      false,
      "node_unavailable",
    ],
    ["an overloaded server", status(503), false, "node_unavailable"],
    ["a wrong path", status(404), false, "node_unavailable"],
    ["a proxy that waited too long", status(504), false, "deadline_exceeded"],
    ["an answer too large for a proxy", status(413), false, "trace_refused"],
    ["a refusal with an error status", status(500, refusal), false, "trace_refused"],
  ] as const)("%s", (_, fault, isBegun, expected) => {
    expect(classifyStreamFault(fault, { isBegun, isHealthy: true })).toBe(expected);
    expect(classifyStreamFault(fault, { isBegun, isHealthy: false })).toBe("node_unavailable");
  });
});
