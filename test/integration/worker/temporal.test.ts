import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { NativeConnection } from "@temporalio/worker";
import getPort from "get-port";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { connectClient } from "../../../src/temporal/connect-client.ts";
import { connectWorker } from "../../../src/temporal/connect-worker.ts";
import { registerSearchAttributes } from "../../../src/temporal/register-search-attributes.ts";
import { searchAttributeTypes } from "../../../src/temporal/search-attributes.ts";
import { searchAttributeKeys } from "../../../src/workflows/search-attributes.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";

function configOf(address: string, namespace = "default") {
  const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  return loadConfig({ env, cwd: "/nonexistent" }).temporal;
}

test("the keys that workflows write are those that the worker registers", () => {
  const written = Object.values(searchAttributeKeys).map(({ name, type }) => [name, type]);
  expect(Object.fromEntries(written)).toEqual(searchAttributeTypes);
});

describe("a server that is not there", () => {
  test("a client says so within seconds, with the address", async () => {
    const address = `127.0.0.1:${await getPort()}`;
    const error = await connectClient(configOf(address)).catch((fault: unknown) => fault);
    expect(String(error).replace(address, "<address>")).toMatchInlineSnapshot(`
      "TemporalUnavailableError: Temporal does not answer.
        address: <address>
        no answer within 5 seconds
        Fix: check that the server runs (npm run demo or npm run dev starts one) and TEMPORAL_ADDRESS."
    `);
    await expect(connectWorker(configOf(address))).rejects.toMatchObject({
      name: "TemporalUnavailableError",
    });
  });
});

describe("a real server", () => {
  let temporal: TestTemporal;
  let connection: NativeConnection;

  /** As an operator does it. */
  async function operate(...args: string[]): Promise<void> {
    await promisify(execFile)(temporal.cli, ["operator", ...args, "--address", temporal.address]);
  }

  beforeAll(async () => {
    temporal = await startTestTemporal();
    connection = await connectWorker(configOf(temporal.address));
  });
  afterAll(async () => {
    await connection.close();
    await temporal.stop();
  });

  test("search attributes are registered once and for all", async () => {
    const { operatorService } = connection;
    const namespace = "fresh";
    await operate("namespace", "create", "--namespace", namespace);
    await expect
      .poll(() => registerSearchAttributes(operatorService, namespace).then(() => "done", String), {
        timeout: 60_000,
      })
      .toBe("done");
    await registerSearchAttributes(operatorService, namespace);
    await expect
      .poll(() => operatorService.listSearchAttributes({ namespace }))
      .toMatchObject({ customAttributes: { Network: 2, FromBlock: 3, DonePercent: 4 } });
  });

  test("a name that stands there with another type is refused, for the server would keep it in silence", async () => {
    const namespace = "clashing";
    await operate("namespace", "create", "--namespace", namespace);
    const attribute = ["--name", "Network", "--type", "Text"];
    await expect
      .poll(
        () =>
          operate("search-attribute", "create", ...attribute, "--namespace", namespace).then(
            () => "done",
            String,
          ),
        { timeout: 60_000 },
      )
      .toBe("done");
    const { operatorService } = connection;
    await expect
      .poll(() => operatorService.listSearchAttributes({ namespace }))
      .toMatchObject({ customAttributes: { Network: 1 } });
    await expect(
      registerSearchAttributes(operatorService, namespace),
    ).rejects.toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: Temporal's namespace has search attributes of other types.
        namespace: clashing
        Network: registered as type 1, needed as type 2
        Fix: remove them with \`temporal operator search-attribute remove\`, or use another TEMPORAL_NAMESPACE.]
    `);
  });

  test("a namespace that does not exist is named", async () => {
    await expect(
      registerSearchAttributes(connection.operatorService, "nowhere"),
    ).rejects.toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: Temporal does not know the namespace.
        namespace: nowhere
        Fix: create it with \`temporal operator namespace create\`, or correct TEMPORAL_NAMESPACE.]
    `);
  });

  test("a client connects and closes", async () => {
    const { client, close } = await connectClient(configOf(temporal.address));
    expect(client.options.namespace).toBe("default");
    expect(await client.workflow.count()).toMatchObject({ count: 0 });
    await close();
  });
});
