import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import {
  networkVariables,
  processVariables,
  variableNames,
} from "../../../src/config/environment.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { stakingVariables } from "../../../src/config/staking-variables.ts";

const envExample = readFileSync(".env.example", "utf8");
const assignments = [...envExample.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(
  ([, name = "", value = ""]) => ({ name, value }),
);
const withoutFile = "/nonexistent";

test(".env.example lists every variable that is read, and none besides but Temporal's", () => {
  const own = assignments.map(({ name }) => name).filter((name) => !name.startsWith("TEMPORAL_"));
  const ofCompose = [...readFileSync("docker-compose.yml", "utf8").matchAll(/\$\{([A-Z_]+)/g)];
  const read = new Set([...variableNames, ...ofCompose.map(([, name = ""]) => name)]);
  expect(own.toSorted()).toEqual([...read].toSorted());
});

test(".env.example shows the defaults: with its values the configuration is that of an empty environment", () => {
  const network = { NETWORK: "n", RPC_URL: "http://n" };
  const env = {
    ...Object.fromEntries(assignments.map(({ name, value }) => [name, value])),
    ...network,
  };
  expect(loadConfig({ env, cwd: withoutFile })).toEqual(
    loadConfig({ env: network, cwd: withoutFile }),
  );
});

test(".env.example shows the defaults of the staking service too", () => {
  const needed = {
    CHAIN_RPC_URL: "http://n",
    STAKING_ADDRESS: `0x${"1".repeat(40)}`,
    STAKING_SIGNER_ADDRESS: `0x${"2".repeat(40)}`,
    STAKING_CODEC_KEYS: `k:${Buffer.alloc(32).toString("base64")}`,
    REDIS_URL: "redis://r",
    NETWORK: "n",
    RPC_URL: "http://n",
  };
  const shown = Object.fromEntries(assignments.map(({ name, value }) => [name, value]));
  expect(loadConfig({ env: { ...shown, ...needed }, cwd: withoutFile })).toEqual(
    loadConfig({ env: needed, cwd: withoutFile }),
  );
});

test("every variable of .env.example has a comment with its unit and default above it", () => {
  const lines = envExample.split("\n");
  for (const { name } of assignments) {
    if (/^TEMPORAL_TLS_(CLIENT_KEY|SERVER_CA)/.test(name)) continue; // share a comment with the line above
    const above = lines[lines.findIndex((line) => line.startsWith(`${name}=`)) - 1];
    expect(above, name).toMatch(/^# .*\bdefault\b|^# Beside/);
  }
});

test("examples/blockloom.yaml loads with its secrets set", () => {
  const env = {
    MAINNET_RPC_URL: "https://node.example",
    MAINNET_RPC_TOKEN: "t",
    CLICKHOUSE_SECRET: "s",
    WEBHOOK_SIGNING_KEY: "k",
    STAKING_RPC_URL: "https://rpc.example",
    STAKING_RPC_TOKEN: "t",
    STAKING_REDIS_URL: "redis://redis:6379",
    STAKING_CODEC_KEY: Buffer.alloc(32, 7).toString("base64"),
    BLOCKLOOM_CONFIG: "examples/blockloom.yaml",
  };
  const config = loadConfig({ env });
  expect(config.networks.map(({ name }) => name)).toEqual(["mainnet", "my-devnet"]);
  expect(config.staking?.codec.keys[0]?.id).toBe("2026-11");
});

test("examples/blockloom.yaml shows every key of the schema", () => {
  const shown = keysOf(parse(readFileSync("examples/blockloom.yaml", "utf8")));
  for (const key of keysOfSchema(z.toJSONSchema(configSchema, { io: "input" }))) {
    expect(shown, key).toContain(key);
  }
});

test("every variable stands for a key of the schema", () => {
  const known = keysOfSchema(z.toJSONSchema(configSchema, { io: "input" }));
  for (const { name, path } of [...networkVariables, ...processVariables, ...stakingVariables]) {
    const place = path.filter((key) => key !== "0").join(".");
    // Some give a whole list of objects.
    expect(
      [...known].some((one) => one === place || one.startsWith(`${place}.`)),
      name,
    ).toBe(true);
  }
});

/** Paths of all keys, with `*` for the name of a network or header and nothing for a place in a list. */
function keysOf(value: unknown, path: string[] = []): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...keysOf(item, path)]));
  if (typeof value !== "object" || value === null) return new Set([path.join(".")]);
  return new Set(
    Object.entries(value).flatMap(([key, item]) => {
      const named = path.at(-1) === "networks" || path.at(-1) === "headers" ? "*" : key;
      return [...keysOf(item, [...path, named])];
    }),
  );
}

type JsonSchema = z.core.JSONSchema._JSONSchema;

function keysOfSchema(schema: JsonSchema, path: string[] = []): Set<string> {
  if (typeof schema === "boolean") return new Set([path.join(".")]);
  const { properties, additionalProperties, items, anyOf = [] } = schema;
  const present = anyOf.find((one) => typeof one === "object" && one.type !== "null");
  if (present !== undefined) return keysOfSchema(present, path);
  if (properties) {
    return new Set(
      Object.entries(properties).flatMap(([key, part]) => [...keysOfSchema(part, [...path, key])]),
    );
  }
  if (typeof additionalProperties === "object")
    return keysOfSchema(additionalProperties, [...path, "*"]);
  if (items && !Array.isArray(items)) return keysOfSchema(items, path);
  return new Set([path.join(".")]);
}
