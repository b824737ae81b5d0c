import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { ConfigError } from "../errors.ts";
import { drainTimeoutMs } from "./limits.ts";

/**
 * Listens at `ip:port`; port 0 takes a free one.
 * @returns the `ip:port` that it got. @throws {ConfigError} when the address cannot be listened on.
 */
export async function listen(app: FastifyInstance, address: string): Promise<string> {
  const [, host = "", port = ""] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(address) ?? [];
  try {
    await app.listen({ host, port: Number(port) });
  } catch (error) {
    throw new ConfigError("The API cannot listen.", {
      facts: [`API_ADDRESS: ${address}`, reasonOf(error)],
      fix: "choose a free port of this host (API_ADDRESS=127.0.0.1:0 takes any), or stop what listens there.",
    });
  }
  const bound = app.server.address();
  return typeof bound === "object" && bound !== null ? toText(bound) : address;
}

/** Takes nothing new, lets requests in flight end for 10 s, and cuts off the rest. */
export async function stopListening(app: FastifyInstance): Promise<void> {
  const cut = new AbortController();
  const late = sleep(drainTimeoutMs, undefined, { signal: cut.signal }).then(
    () => app.server.closeAllConnections(),
    () => {},
  );
  await app.close();
  cut.abort();
  await late;
}

function toText({ address, family, port }: AddressInfo): string {
  return family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: "something listens there already",
    EACCES: "this user may not listen there",
    EADDRNOTAVAIL: "it is no address of this host",
  };
  return known[code] ?? code;
}
