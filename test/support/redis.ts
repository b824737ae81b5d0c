import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@redis/client";
import getPort from "get-port";
import { type RunningProcess, startProcess } from "../../src/dev/processes.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";

/** Whether a real redis-server is at hand; scripts/install-test-parts.sh installs one. A test skips loudly without it. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

export type TestRedis = {
  readonly url: string;
  /** A client for the test's own questions; new after a restart. */
  readonly client: () => Promise<TestRedisClient>;
  /** SIGKILL; what was written stays. */
  readonly kill: () => Promise<void>;
  /** Starts it again on the same port with its data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};
export type TestRedisClient = Awaited<ReturnType<typeof connect>>;

/** A real redis-server on a free port that writes every command to disk at once. */
export async function startTestRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-redis-"));
  const port = await getPort();
  const url = `redis://127.0.0.1:${port}`;
  const clients: TestRedisClient[] = [];
  const closeClients = () => {
    for (const client of clients.splice(0)) if (client.isOpen) client.destroy();
  };
  let server = await startServer({ folder, port, url });
  return {
    url,
    client: async () => {
      const client = await connect(url);
      clients.push(client);
      return client;
    },
    kill: async () => {
      closeClients();
      await server.kill();
    },
    restart: async () => {
      closeClients();
      await server.kill();
      server = await startServer({ folder, port, url });
    },
    stop: async () => {
      closeClients();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startServer(options: {
  folder: string;
  port: number;
  url: string;
}): Promise<RunningProcess> {
  const { folder, port, url } = options;
  const server = startProcess({
    name: "redis-server",
    command: "redis-server",
    args: `--port ${port} --bind 127.0.0.1 --dir ${folder} --save --appendonly yes --appendfsync always`
      .split(" ")
      .flatMap((word) => (word === "--save" ? [word, ""] : [word])),
    logFile: join(folder, "redis.log"),
  });
  await waitUntil(
    async () => {
      const client = await connect(url);
      const answer = await client.ping();
      client.destroy();
      return answer === "PONG";
    },
    { what: "redis-server to answer", process: server },
  );
  return server;
}

async function connect(url: string) {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
  client.on("error", () => {});
  await client.connect();
  return client;
}
