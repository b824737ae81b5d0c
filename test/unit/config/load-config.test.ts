import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { expectedChainId, findNetwork } from "../../../src/config/networks.ts";
import { loadStackEnv } from "../../../src/config/stack-env.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "blockloom-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function writeFile(text: string, name = "blockloom.yaml"): void {
  writeFileSync(join(cwd, name), text);
}

/** The message, with the random folder taken out. */
function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(cwd, "<cwd>") : String(error);
  }
  throw new Error("nothing was thrown");
}

describe("the environment alone", () => {
  test("two variables define a network with every default", () => {
    const config = loadConfig({ env: { NETWORK: "mainnet", RPC_URL: "http://node:8545" }, cwd });
    expect(config).toMatchInlineSnapshot(`
      {
        "clickhouse": {
          "cluster": null,
          "database": "blockloom",
          "password": "",
          "url": "http://127.0.0.1:8123",
          "user": "default",
        },
        "defaultNetwork": "mainnet",
        "idleVariables": [],
        "logging": {
          "format": "json",
          "level": "info",
        },
        "metrics": {
          "address": "127.0.0.1:9464",
        },
        "networks": [
          {
            "chainId": null,
            "finalityDepth": null,
            "genesisFile": null,
            "headPolicy": "latest",
            "name": "mainnet",
            "nodes": [
              {
                "headers": {},
                "maximumTraces": 8,
                "name": "rpc-url",
                "requestsPerSecond": null,
                "roles": [
                  "head",
                  "bulk",
                ],
                "url": "http://node:8545",
              },
            ],
            "processors": [
              "structlog",
              "structlog_agg",
              "transaction",
            ],
            "startBlock": null,
          },
        ],
        "retry": {
          "initialDelayMs": 30000,
          "maximumAttempts": 12,
          "maximumDelayMs": 21600000,
        },
        "server": {
          "address": "127.0.0.1:8300",
          "rateLimit": 600,
          "tokens": [],
          "tokensFile": null,
        },
        "staking": null,
        "temporal": {
          "address": "127.0.0.1:7233",
          "connectionOptions": {
            "address": "127.0.0.1:7233",
            "apiKey": undefined,
            "metadata": undefined,
            "tls": undefined,
          },
          "namespace": "default",
        },
        "webhook": {
          "secret": null,
          "url": null,
        },
        "worker": {
          "blockDeadlineMs": 900000,
          "bulkSlots": 2,
          "headSlots": 2,
          "roles": [
            "index",
          ],
          "traceTimeoutMs": 300000,
        },
      }
    `);
    expect(Object.isFrozen(config.networks[0]?.nodes[0])).toBe(true);
  });

  test("processors are accepted under the reference's names, once each", () => {
    const env = {
      NETWORK: "n",
      RPC_URL: "http://n",
      PROCESSORS: "transaction_structlog, structlog,transaction_simple",
    };
    expect(loadConfig({ env, cwd }).networks[0]?.processors).toEqual(["structlog", "transaction"]);
  });

  test("without a network the rest still loads, so that a client can ask Temporal", () => {
    const config = loadConfig({ env: { TEMPORAL_ADDRESS: "temporal:7233" }, cwd });
    expect(config.networks).toEqual([]);
    expect(config.temporal.address).toBe("temporal:7233");
  });

  test("every bad variable is named at once", () => {
    const env = {
      NETWORK: "Main Net",
      RPC_URL: "ws://secret-host/token",
      PROCESSORS: "structlog,logs",
      CLICKHOUSE_URL: "localhost",
      BULK_SLOTS: "many",
      HEAD_SLOTS: "0",
      LOG_LEVEL: "loud",
      METRICS_ADDRESS: "9464",
    };
    expect(messageOf(() => loadConfig({ env, cwd }))).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        NETWORK: must be a network name: 1 to 64 of a-z, 0-9 and -
        CLICKHOUSE_URL: must be a http:// or https:// url
        LOG_LEVEL: must be one of trace, debug, info, warn, error
        METRICS_ADDRESS: must be an ip address with a port such as 127.0.0.1:9464, or off
        HEAD_SLOTS: must be at least 1 (activities at once)
        BULK_SLOTS: must be a whole number (activities at once)
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
    expect(
      messageOf(() => loadConfig({ env: { ...env, NETWORK: "n" }, cwd })),
    ).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        RPC_URL: must be a http:// or https:// url
        PROCESSORS: must be structlog, structlog_agg or transaction
        CLICKHOUSE_URL: must be a http:// or https:// url
        LOG_LEVEL: must be one of trace, debug, info, warn, error
        METRICS_ADDRESS: must be an ip address with a port such as 127.0.0.1:9464, or off
        HEAD_SLOTS: must be at least 1 (activities at once)
        BULK_SLOTS: must be a whole number (activities at once)
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
  });

  test("a setting of the one network without the network is refused, not ignored", () => {
    expect(
      messageOf(() => loadConfig({ env: { HEAD_POLICY: "safe" }, cwd })),
    ).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        HEAD_POLICY: belongs to the network of NETWORK and RPC_URL, and RPC_URL is not set
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
    expect(
      messageOf(() => loadConfig({ env: { RPC_URL: "http://n" }, cwd })),
    ).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        NETWORK: must name the network that RPC_URL serves
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
  });
});

describe("the file", () => {
  test("gives several networks, takes secrets from the environment, and yields to variables", () => {
    writeFile(`
networks:
  mainnet: { nodes: [{ name: a, url: "https://a/\${TOKEN}", headers: { Authorization: "Bearer \${TOKEN}" } }] }
  devnet: { chainId: 7, nodes: [{ name: b, url: "http://b" }], genesisFile: genesis.json }
worker: { bulkSlots: 7, headSlots: 3 }
`);
    const config = loadConfig({ env: { TOKEN: "s3: {x", BULK_SLOTS: "9" }, cwd });
    expect(config.networks.map(({ name }) => name)).toEqual(["mainnet", "devnet"]);
    expect(config.networks[0]?.nodes[0]?.headers).toEqual({ Authorization: "Bearer s3: {x" });
    expect(config.networks[1]?.genesisFile).toBe(join(cwd, "genesis.json"));
    expect(config.worker).toMatchObject({ bulkSlots: 9, headSlots: 3 });
    expect(config.defaultNetwork).toBeNull();
    expect(expectedChainId(findNetwork(config, "mainnet"))).toBe(1);
    expect(expectedChainId(findNetwork(config, "devnet"))).toBe(7);
    expect(messageOf(() => findNetwork(config, "gnosis"))).toMatchInlineSnapshot(`
      "The network "gnosis" is not configured.
        configured networks: mainnet, devnet
        Fix: name one of them with --network, or add it to blockloom.yaml (or set NETWORK and RPC_URL)."
    `);
  });

  test("RPC_URL puts its network in the place of the file's", () => {
    writeFile("networks: { mainnet: { nodes: [{ name: a, url: http://a }] } }");
    const config = loadConfig({ env: { NETWORK: "demo", RPC_URL: "http://demo" }, cwd });
    expect(config.networks.map(({ name }) => name)).toEqual(["demo"]);
  });

  test("unknown keys, missing secrets and wrong values are named at once, without a secret", () => {
    writeFile(`
networks:
  Main: { nodes: [] }
  devnet:
    nodes: [{ name: a, url: "ftp://token@host", colour: red }, { name: a, url: "\${URL_SECRET}" }]
    headPolicy: newest
    startBlock: -1
clickhose: { url: http://x }
worker: fast
retry: { initialDelayMs: 9, maximumDelayMs: 3 }
`);
    const message = messageOf(() => loadConfig({ env: {}, cwd }));
    expect(message).toMatchInlineSnapshot(`
      "The configuration cannot be used.
        file: <cwd>/blockloom.yaml
        networks.devnet.nodes.1.url: \${URL_SECRET} is not set in the environment
        networks.Main: must be a network name: 1 to 64 of a-z, 0-9 and -
        networks.devnet.nodes.0.url: must be a http:// or https:// url
        networks.devnet.nodes.0.colour: is not a setting of blockloom
        networks.devnet.nodes: must give every node a name of its own
        networks.devnet.startBlock: must be at least 0 (block number)
        networks.devnet.headPolicy: must be one of latest, safe, finalized
        retry.initialDelayMs: must not be above the maximum delay
        worker: must be of type object; it is string
        clickhose: is not a setting of blockloom
        Fix: correct each of them; .env.example and examples/blockloom.yaml show every setting."
    `);
    expect(message).not.toContain("token@host");
  });

  test("a file that is missing or no YAML says so, without quoting its lines", () => {
    expect(
      messageOf(() => loadConfig({ env: { BLOCKLOOM_CONFIG: "nope.yaml" }, cwd })),
    ).toMatchInlineSnapshot(`
      "The configuration file cannot be read.
        BLOCKLOOM_CONFIG: nope.yaml
        Fix: name a file that exists and can be read, or unset BLOCKLOOM_CONFIG."
    `);
    writeFile("networks:\n  a: [token-123\n");
    const message = messageOf(() => loadConfig({ env: {}, cwd }));
    expect(message).toMatchInlineSnapshot(`
      "The configuration file is not YAML.
        file: <cwd>/blockloom.yaml
        line: 3
        Fix: mend that line; examples/blockloom.yaml shows the form."
    `);
    expect(message).not.toContain("token-123");
  });
});

describe("the running stack's stack.env", () => {
  beforeEach(() => {
    mkdirSync(join(cwd, ".blockloom"));
    writeFile(
      "# started by npm run demo\nTEMPORAL_ADDRESS=127.0.0.1:4000\nNETWORK=demo\nRPC_URL=http://127.0.0.1:1\n",
      ".blockloom/stack.env",
    );
  });

  test("is used where the environment is silent", () => {
    const env = loadStackEnv({ env: { PATH: "/bin" }, cwd });
    expect(env).toMatchObject({
      TEMPORAL_ADDRESS: "127.0.0.1:4000",
      NETWORK: "demo",
      PATH: "/bin",
    });
    expect(findNetwork(loadConfig({ env, cwd })).name).toBe("demo");
  });

  test("is left alone as soon as the environment names one address of its own", () => {
    const env = { CLICKHOUSE_URL: "http://mine:8123" };
    expect(loadStackEnv({ env, cwd })).toEqual(env);
  });
});
