import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { signerPolicyDefaults } from "../../../src/workflows/staking/messages.ts";

const key = Buffer.alloc(32, 7).toString("base64");
const mnemonic = "test test test test test test test test test test test junk";
const needed = {
  CHAIN_RPC_URL: "http://node:8545",
  STAKING_ADDRESS: "0x8A33a3fe09Ec2a8A2b0B5f2EF5cF5CF12E0B2B2C",
  PROCESSOR_MNEMONIC: mnemonic,
  STAKING_CODEC_KEYS: `2026-11:${key}`,
};

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "blockloom-staking-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const load = (env: Record<string, string | undefined>) => loadConfig({ env, cwd });

function messageOf(env: Record<string, string | undefined>): string {
  try {
    load(env);
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(cwd, "<cwd>") : String(error);
  }
  throw new Error("nothing was thrown");
}

describe("the staking service", () => {
  test("is off where nothing of it is set", () => {
    expect(load({}).staking).toBeNull();
    expect(load({}).worker.roles).toEqual([]);
  });

  test("is not turned on by names that stand in environments for other reasons, and they may hold anything", () => {
    const config = load({
      REDIS_URL: "whatever",
      PORT: "x",
      NODE_ENV: "production",
      ERROR_TIMEOUT: "x",
      MAX_FEE_PER_GAS: "x",
    });
    expect(config.staking).toBeNull();
    expect(config.server.address).toBe("127.0.0.1:8300");
  });

  test("has every default with the four settings that it needs", () => {
    const { staking, worker } = load(needed);
    expect(worker.roles).toEqual(["stake", "sign"]);
    expect(staking).toMatchInlineSnapshot(`
      {
        "alertBalanceWei": "1000000000000000000",
        "chainId": null,
        "codec": {
          "keys": [
            {
              "id": "2026-11",
              "key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
            },
          ],
          "uiOrigin": null,
        },
        "confirmations": null,
        "contractAddress": "0x8a33a3fe09ec2a8a2b0b5f2ef5cf5cf12e0b2b2c",
        "monitor": {
          "loopMaximumMs": 60000,
          "maximumUnacknowledged": 10,
          "stuckAfterMs": 86400000,
        },
        "nodes": [
          {
            "headers": {},
            "name": "rpc-1",
            "url": "http://node:8545",
          },
        ],
        "policy": {
          "bumpAfterMs": 30000,
          "maxFeePerGasWei": "30000000000",
          "maxInFlight": 4,
          "maxPriorityFeePerGasWei": null,
          "perOwnerPerDay": null,
          "queueLimit": 1000,
          "rebroadcastAfterMs": 15000,
          "reserveWei": "1000000000000000000",
        },
        "redis": null,
        "requestLifetimeMs": 604800000,
        "signer": {
          "address": null,
          "mnemonic": "test test test test test test test test test test test junk",
          "mnemonicFile": null,
          "privateKey": null,
          "privateKeyFile": null,
        },
      }
    `);
  });

  test("has the policy that the workflows expect by default", () => {
    expect(load(needed).staking?.policy).toEqual(signerPolicyDefaults);
  });

  test("takes every variable of the reference under its name", () => {
    const { staking } = load({
      ...needed,
      CHAIN_RPC_URL: "http://a, http://b",
      REDIS_URL: "redis://:secret@redis:6379",
      CHAIN_MINUMUM_REQUIRED_CONFIRMATIONS: "6",
      MAX_FEE_PER_GAS: "50000000000",
      MAX_PRIORITY_FEE_PER_GAS: "1500000000",
      PROCESSOR_MIN_BALANCE: "2000000000000000000",
      PROCESSOR_ALERT_BALANCE: "3000000000000000000",
      PROCESSOR_ALERT_TIMESTAMP_STUCK_DURATION: "1",
      MAX_NON_ACK_PENDING_MESSAGES: "2",
      REDIS_READ_BLOCK_TIMEOUT: "5",
      PROCESSOR_QUEUE_LISTENER_LOOP_MAX_TIMEOUT: "6",
      REDIS_QUEUE_APPLICATION_ID: "group",
      REDIS_QUEUE_CONSUMER_ID: "consumer",
      REDIS_QUEUE_STREAM_KEY: "stream",
    });
    expect(staking).toMatchObject({
      nodes: [
        { name: "rpc-1", url: "http://a" },
        { name: "rpc-2", url: "http://b" },
      ],
      confirmations: 6,
      policy: {
        maxFeePerGasWei: "50000000000",
        maxPriorityFeePerGasWei: "1500000000",
        reserveWei: "2000000000000000000",
      },
      alertBalanceWei: "3000000000000000000",
      monitor: { stuckAfterMs: 1, maximumUnacknowledged: 2, loopMaximumMs: 6 },
      redis: {
        url: "redis://:secret@redis:6379",
        readBlockMs: 5,
        group: "group",
        consumer: "consumer",
        streamKey: "stream",
        shadow: false,
      },
    });
  });

  test("names the reference's variables that have nothing to do here, and what does their job", () => {
    const idle = { ERROR_TIMEOUT: "30000", BALANCE_TOO_LOW_TIMEOUT: "60000" };
    expect(load(needed).idleVariables).toEqual([]);
    expect(load(idle).idleVariables).toEqual([]);
    expect(
      load({ ...needed, ...idle, NODE_ENV: "production" }).idleVariables,
    ).toMatchInlineSnapshot(`
      [
        {
          "instead": "what fails is tried again by itself, first after 0.2 to 1 s and at the latest after 30 s, and nothing else waits for it",
          "name": "ERROR_TIMEOUT",
        },
        {
          "instead": "a balance that is too low is looked at again within 15 s, and requests are taken meanwhile",
          "name": "BALANCE_TOO_LOW_TIMEOUT",
        },
      ]
    `);
  });

  test.each([
    "STAKING_CHAIN_ID",
    "CHAIN_RPC_URL",
    "STAKING_ADDRESS",
    "STAKING_SIGNER_ADDRESS",
    "PROCESSOR_MNEMONIC",
    "PROCESSOR_MNEMONIC_FILE",
    "PROCESSOR_PRIVATE_KEY",
    "PROCESSOR_PRIVATE_KEY_FILE",
  ])("is turned on by %s, and then says what else it needs", (name) => {
    expect(messageOf({ [name]: "1" })).toContain("STAKING_CODEC_KEYS");
  });

  test("reads the number of confirmations in both spellings, the right one before the other", () => {
    const both = {
      CHAIN_MINUMUM_REQUIRED_CONFIRMATIONS: "6",
      CHAIN_MINIMUM_REQUIRED_CONFIRMATIONS: "7",
    };
    expect(load({ ...needed, ...both }).staking?.confirmations).toBe(7);
  });

  test("reads no stream without a REDIS_URL", () => {
    expect(load({ ...needed, REDIS_QUEUE_STREAM_KEY: "s" }).staking?.redis).toBeNull();
  });

  test("refuses an alert balance below the minimum balance, as the reference does", () => {
    const env = { ...needed, PROCESSOR_MIN_BALANCE: "2", PROCESSOR_ALERT_BALANCE: "1" };
    expect(messageOf(env)).toContain(
      "PROCESSOR_ALERT_BALANCE: must not be below the minimum balance (policy.reserveWei, PROCESSOR_MIN_BALANCE)",
    );
    expect(messageOf({ ...needed, PROCESSOR_MIN_BALANCE: "1000000000000000001" })).toContain(
      "staking.alertBalanceWei: must not be below the minimum balance",
    );
  });

  test("refuses a lifetime of requests whose end no table holds", () => {
    const longest = { ...needed, STAKING_REQUEST_LIFETIME_MS: "3153600000000" };
    expect(load(longest).staking?.requestLifetimeMs).toBe(3_153_600_000_000);
    for (const value of ["3153600000001", "9000000000000000"]) {
      expect(messageOf({ ...needed, STAKING_REQUEST_LIFETIME_MS: value })).toContain(
        "STAKING_REQUEST_LIFETIME_MS: must be at most 3153600000000 (milliseconds, 100 years)",
      );
    }
  });

  test("says all that is missing at once", () => {
    expect(messageOf({ STAKING_CHAIN_ID: "1" })).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        staking.nodes: must be a list of nodes; CHAIN_RPC_URL gives them too
        staking.contractAddress: must be set; STAKING_ADDRESS gives it too
        staking.signer: must say who signs: PROCESSOR_MNEMONIC, PROCESSOR_PRIVATE_KEY or a file of either; STAKING_SIGNER_ADDRESS where another process has the key
        staking.codec.keys: must hold a key, which keeps users' signatures unreadable in Temporal: STAKING_CODEC_KEYS=id:key, the key from openssl rand -base64 32
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
  });

  test("names what cannot be used and never repeats it", () => {
    const message = messageOf({
      CHAIN_RPC_URL: "http://ok,ws://s3cret-token@node",
      STAKING_ADDRESS: "s3cret-address",
      PROCESSOR_MNEMONIC: "s3cret words",
      PROCESSOR_PRIVATE_KEY: "s3cret",
      STAKING_CODEC_KEYS: "2026:s3cret, :x",
      STAKING_REDIS_SHADOW: "s3cret",
      REDIS_URL: "http://s3cret",
      MAX_FEE_PER_GAS: "-1",
      STAKING_MAX_IN_FLIGHT: "17",
      WORKER_ROLES: "index,s3cret",
    });
    expect(message).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        WORKER_ROLES: must be one of index, stake, sign
        CHAIN_RPC_URL: must be a http:// or https:// url
        STAKING_ADDRESS: must be an address: 0x and 40 hex digits
        PROCESSOR_MNEMONIC: must be 12 to 24 lower case words
        PROCESSOR_PRIVATE_KEY: must be 0x and 64 hex digits
        staking.signer: must have one of mnemonic, mnemonicFile, privateKey, privateKeyFile, not several
        MAX_FEE_PER_GAS: must be a whole number (wei)
        STAKING_MAX_IN_FLIGHT: must be at most 16 (transactions): nodes keep no more of one account
        REDIS_URL: must be a redis:// or rediss:// url
        STAKING_REDIS_SHADOW: must be true or false
        STAKING_CODEC_KEYS: must be id:key, the key 32 bytes in base64 (openssl rand -base64 32)
        STAKING_CODEC_KEYS: must be id:key, the key 32 bytes in base64 (openssl rand -base64 32)
        STAKING_CODEC_KEYS: must give every key an id of its own
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
    expect(message).not.toContain("s3cret");
  });

  test("has one key, and says so where there are two", () => {
    const env = { ...needed, PROCESSOR_PRIVATE_KEY: `0x${"1".repeat(64)}` };
    expect(messageOf(env)).toContain(
      "staking.signer: must have one of mnemonic, mnemonicFile, privateKey, privateKeyFile, not several",
    );
  });

  test("without the key it submits but does not sign, and the role sign is refused", () => {
    const env = {
      ...needed,
      PROCESSOR_MNEMONIC: undefined,
      STAKING_SIGNER_ADDRESS: `0x${"A".repeat(40)}`,
    };
    expect(load(env).worker.roles).toEqual(["stake"]);
    expect(load(env).staking?.signer.address).toBe(`0x${"a".repeat(40)}`);
    expect(messageOf({ ...env, WORKER_ROLES: "sign,index" })).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        WORKER_ROLES: the role sign needs the key (PROCESSOR_MNEMONIC, PROCESSOR_PRIVATE_KEY, or a file of either)
        WORKER_ROLES: the role index needs a network (NETWORK and RPC_URL, or networks in blockloom.yaml)
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
  });

  test("comes from the file as well, where variables win", () => {
    writeFileSync(
      join(cwd, "blockloom.yaml"),
      `staking:
  nodes: [{ name: a, url: "http://a" }]
  contractAddress: "${needed.STAKING_ADDRESS}"
  signer: { mnemonicFile: words }
  policy: { maxFeePerGasWei: 7000000000, maxInFlight: 2 }
  codec: { keys: ["k:\${KEY}"], uiOrigin: "http://ui:1" }
`,
    );
    const { staking } = load({ KEY: key, STAKING_MAX_IN_FLIGHT: "3" });
    expect(staking).toMatchObject({
      signer: { mnemonicFile: join(cwd, "words") },
      policy: { maxFeePerGasWei: "7000000000", maxInFlight: 3 },
      codec: { keys: [{ id: "k", key }], uiOrigin: "http://ui:1" },
    });
  });

  test("lets the page of the Temporal UI that runs beside it decode", () => {
    const config = load({ ...needed, TEMPORAL_UI_URL: "http://127.0.0.1:8233/x" });
    expect(config.staking?.codec.uiOrigin).toBe("http://127.0.0.1:8233");
  });

  test("listens on PORT, unless API_ADDRESS says otherwise", () => {
    expect(load({ ...needed, PORT: "3000" }).server.address).toBe("127.0.0.1:3000");
    const both = { ...needed, PORT: "3000", API_ADDRESS: "0.0.0.0:80" };
    expect(load(both).server.address).toBe("0.0.0.0:80");
    expect(messageOf({ ...needed, PORT: "http" })).toContain("PORT: must be an ip address");
  });
});
