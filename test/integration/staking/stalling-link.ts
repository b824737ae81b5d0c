import { connect, createServer, type Socket } from "node:net";
import { waitUntil } from "../../../src/dev/wait-until.ts";

/** A cable to Temporal on which what a worker says can be kept back, while it still hears the server. */
export type StallingLink = {
  readonly address: string;
  /** From now on nothing that the worker says arrives. */
  readonly stall: () => void;
  /** Resolves when so many bytes have been kept back. */
  readonly untilKept: (bytes: number) => Promise<unknown>;
  /** What was kept back of connections that live still arrives, late. */
  readonly flow: () => void;
  /** What was kept back is lost, and the connections with it; new ones work. */
  readonly lose: () => void;
  readonly stop: () => Promise<void>;
};

type Line = { readonly near: Socket; readonly far: Socket; readonly kept: Buffer[] };

/** @param address - `host:port` of the server. */
export async function startStallingLink(address: string): Promise<StallingLink> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const lines = new Set<Line>();
  let isStalled = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const line: Line = { near, far, kept: [] };
    lines.add(line);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => one.destroy());
      one.once("close", () => {
        other.destroy();
        lines.delete(line);
      });
    }
    far.pipe(near);
    near.on("data", (data: Buffer) => {
      if (isStalled) line.kept.push(data);
      else far.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const localPort = typeof bound === "object" && bound !== null ? bound.port : 0;
  const countKept = () =>
    [...lines].reduce(
      (sum, { kept }) => sum + kept.reduce((all, { length }) => all + length, 0),
      0,
    );
  const lose = () => {
    for (const { near } of lines) near.destroy();
    isStalled = false;
  };
  return {
    address: `127.0.0.1:${localPort}`,
    stall: () => {
      isStalled = true;
    },
    untilKept: (bytes) =>
      waitUntil(() => countKept() >= bytes, {
        what: `the worker to say ${bytes} bytes`,
        everyMs: 10,
      }),
    flow: () => {
      isStalled = false;
      for (const { far, kept } of lines) for (const data of kept.splice(0)) far.write(data);
    },
    lose,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        lose();
      }),
  };
}
