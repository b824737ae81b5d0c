import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const root = resolve(import.meta.dirname, "../..");
const composeFile = z.object({
  services: z.record(
    z.string(),
    z.object({
      ports: z.array(z.string()).default([]),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
      healthcheck: z.unknown().optional(),
      environment: z.record(z.string(), z.string()).default({}),
      volumes: z.array(z.string()).default([]),
    }),
  ),
});
const compose = composeFile.parse(
  parse(readFileSync(resolve(root, "docker-compose.yml"), "utf8"), { merge: true }),
);

/** Debian's Compose v1 or the plugin of Docker's client: whichever is here. */
const command = [["docker-compose"], ["docker", "compose"]].find(([program, ...args]) => {
  try {
    execFileSync(program!, [...args, "version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

describe("docker-compose.yml", () => {
  test.skipIf(!command)("is accepted by docker compose", () => {
    const [program, ...args] = command!;
    const printed = execFileSync(
      program!,
      [...args, "-f", "docker-compose.yml", "--profile", "api", "config"],
      {
        cwd: root,
        encoding: "utf8",
        env: {
          ...process.env,
          NETWORK: "mainnet",
          RPC_URL: "http://node:8545",
          POSTGRES_PASSWORD: "secret-1",
          CLICKHOUSE_PASSWORD: "secret-2",
        },
      },
    );
    expect(
      Object.keys(
        z.object({ services: z.looseObject({}) }).parse(parse(printed)).services,
      ).toSorted(),
    ).toEqual(["clickhouse", "postgresql", "server", "temporal", "temporal-ui", "worker"]);
  });

  test("publishes ports on loopback only", () => {
    const published = Object.values(compose.services).flatMap((service) => service.ports);
    expect(published.length).toBeGreaterThan(0);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test("waits for a service only where that service has a health check", () => {
    for (const service of Object.values(compose.services)) {
      for (const [needed, { condition }] of Object.entries(service.depends_on)) {
        expect(condition).toBe("service_healthy");
        expect(compose.services[needed]?.healthcheck, needed).toBeDefined();
      }
    }
  });

  test("mounts only files that the repository holds", () => {
    const mounted = Object.values(compose.services)
      .flatMap((service) => service.volumes)
      .filter((volume) => volume.startsWith("./"));
    for (const volume of mounted) {
      expect(() => readFileSync(resolve(root, volume.split(":")[0]!))).not.toThrow();
    }
  });

  test.each(["worker", "server"])("sets only variables of the %s that are known", (service) => {
    const example = readFileSync(resolve(root, ".env.example"), "utf8");
    for (const name of Object.keys(compose.services[service]?.environment ?? {})) {
      expect(example, `${name} is missing in .env.example`).toMatch(
        new RegExp(`^#? ?${name}=`, "m"),
      );
    }
  });
});
