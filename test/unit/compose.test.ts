import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { networkVariables, processVariables } from "../../src/config/environment.ts";
import { idleVariables, stakingVariables } from "../../src/config/staking-variables.ts";

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
      secrets: z.array(z.string()).default([]),
      profiles: z.array(z.string()).default([]),
    }),
  ),
});
const container = z.object({
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
});
const manifestFile = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  data: z.record(z.string(), z.string()).default({}),
  spec: z
    .looseObject({
      template: z
        .object({
          spec: z.object({
            containers: z.array(container),
            securityContext: z.looseObject({}),
            volumes: z.array(z.object({ secret: z.object({ secretName: z.string() }).optional() })),
          }),
        })
        .optional(),
    })
    .optional(),
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
      [...args, "-f", "docker-compose.yml", "--profile", "api", "--profile", "staking", "config"],
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
    ).toEqual([
      "clickhouse",
      "postgresql",
      "redis",
      "server",
      "signer",
      "stake",
      "temporal",
      "temporal-ui",
      "worker",
    ]);
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

  test.each(["worker", "server", "stake", "signer"])(
    "sets only variables of the %s that are known",
    (service) => {
      const example = readFileSync(resolve(root, ".env.example"), "utf8");
      for (const name of Object.keys(compose.services[service]?.environment ?? {})) {
        expect(example, `${name} is missing in .env.example`).toMatch(
          new RegExp(`^#? ?${name}=`, "m"),
        );
      }
    },
  );

  test("hands every setting on, but the key, to whom it is for: what .env says counts", () => {
    const staking = [...stakingVariables, ...idleVariables].filter(
      ({ name }) => !/^PROCESSOR_(MNEMONIC|PRIVATE_KEY)/.test(name),
    );
    // A file, which nothing mounts.
    const network = networkVariables.filter(({ name }) => name !== "GENESIS_FILE");
    const process = processVariables.filter(({ name }) => !/^(API_|CLICKHOUSE_CLUSTER)/.test(name));
    const wanted = {
      stake: staking,
      server: [...staking, ...network],
      worker: [...network, ...process],
    };
    for (const [service, variables] of Object.entries(wanted)) {
      const given = Object.keys(compose.services[service]?.environment ?? {});
      const missing = variables.map(({ name }) => name).filter((name) => !given.includes(name));
      expect(missing, service).toEqual([]);
    }
    expect(compose.services["stake"]?.environment).toHaveProperty("WEBHOOK_SECRET");
    // The cap of what is signed; the rest of the policy is for the workflow.
    expect(compose.services["signer"]?.environment).toHaveProperty("MAX_FEE_PER_GAS");
  });

  test("gives the key to the signer alone, as a file", () => {
    const holders = Object.entries(compose.services)
      .filter(([, { environment, secrets }]) => secrets.length > 0 || hasKeyVariable(environment))
      .map(([name]) => name);
    expect(holders).toEqual(["signer"]);
    const { environment, secrets, ports, volumes } = compose.services["signer"]!;
    expect(environment["PROCESSOR_MNEMONIC_FILE"]).toBe(`/run/secrets/${secrets[0]}`);
    expect(environment["WORKER_ROLES"]).toBe("sign");
    expect([...ports, ...volumes]).toEqual([]);
  });

  test("splits the worker's roles, each to one service", () => {
    const roles = Object.values(compose.services).flatMap(
      ({ environment }) => environment["WORKER_ROLES"] ?? [],
    );
    expect(roles.toSorted()).toEqual(["index", "sign", "stake"]);
  });

  test("starts nothing of the staking service unless it is asked for", () => {
    for (const name of ["redis", "stake", "signer"]) {
      expect(compose.services[name]?.profiles).toEqual(["staking"]);
    }
  });
});

const manifests = parseAllDocuments(
  readFileSync(resolve(root, "deploy/k8s/staking.yaml"), "utf8"),
).map((document) => manifestFile.parse(document.toJS()));

const deployments = manifests.filter(({ kind }) => kind === "Deployment");
const podOf = (name: string) =>
  deployments.find(({ metadata }) => metadata.name === name)?.spec?.template?.spec;
const mounts = (name: string) =>
  (podOf(name)?.volumes ?? []).flatMap(({ secret }) => secret?.secretName ?? []);

describe("deploy/k8s/staking.yaml", () => {
  test("has one deployment a role", () => {
    const roles = deployments.map(({ metadata, spec }) => [
      metadata.name,
      spec?.template?.spec.containers[0]?.env.find(({ name }) => name === "WORKER_ROLES")?.value,
    ]);
    expect(roles).toEqual([
      ["blockloom-stake", "stake"],
      ["blockloom-signer", "sign"],
    ]);
  });

  test("gives the key to the signer alone, as a file", () => {
    expect(mounts("blockloom-stake")).toEqual([]);
    expect(mounts("blockloom-signer")).toEqual(["blockloom-signer"]);
    for (const { spec } of deployments) {
      const names = spec?.template?.spec.containers.flatMap(({ env }) => env) ?? [];
      expect(hasKeyVariable(Object.fromEntries(names.map(({ name }) => [name, ""])))).toBe(false);
    }
  });

  test("sets only variables that are known", () => {
    const example = readFileSync(resolve(root, ".env.example"), "utf8");
    const names = [
      ...deployments.flatMap(
        ({ spec }) => spec?.template?.spec.containers.flatMap(({ env }) => env) ?? [],
      ),
      ...manifests.flatMap(({ data }) => Object.keys(data).map((name) => ({ name }))),
    ];
    for (const { name } of names) {
      expect(example, `${name} is missing in .env.example`).toMatch(new RegExp(`^${name}=`, "m"));
    }
  });

  test("runs without root, and lets the signer speak to Temporal only", () => {
    for (const { spec } of deployments) {
      expect(spec?.template?.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    }
    const policy = manifests.find(({ kind }) => kind === "NetworkPolicy");
    expect(policy?.spec).toMatchObject({
      podSelector: { matchLabels: { app: "blockloom-signer" } },
    });
  });
});

/** The key itself; a path of a file is none. */
function hasKeyVariable(environment: Readonly<Record<string, string>>): boolean {
  return ["PROCESSOR_MNEMONIC", "PROCESSOR_PRIVATE_KEY"].some((name) => name in environment);
}
