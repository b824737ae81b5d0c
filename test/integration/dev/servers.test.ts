import { Connection } from "@temporalio/client";
import { expect, test } from "vitest";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { startAnvil } from "../../support/anvil.ts";
import { startTestTemporal } from "../../support/temporal.ts";

test("anvil answers on a free port with finality close behind the head, and is gone after stop", async () => {
  const [one, two] = await Promise.all([startAnvil(), startAnvil()]);
  expect(one.url).not.toBe(two.url);
  expect(await callNode(one.url, "eth_chainId")).toBe("0x7a69");
  await callNode(one.url, "anvil_mine", ["0x5"]);
  expect(await callNode(one.url, "eth_getBlockByNumber", ["finalized", false])).toMatchObject({
    number: "0x3",
  });
  await Promise.all([one.stop(), two.stop()]);
  await expect(callNode(one.url, "eth_chainId")).rejects.toThrow("fetch failed");
});

test("Temporal has our search attributes and its UI, and keeps its state across a SIGKILL", async () => {
  const temporal = await startTestTemporal();
  try {
    // The UI begins to listen beside the server.
    const page = () => fetch(temporal.uiUrl).then((answer) => answer.text(), String);
    await expect.poll(page).toContain("<html");
    const before = await Connection.connect({ address: temporal.address });
    await before.workflowService.startWorkflowExecution({
      namespace: temporal.namespace,
      workflowId: "kept",
      workflowType: { name: "none" },
      taskQueue: { name: "none" },
      requestId: "kept",
    });
    const attributes = await before.operatorService.listSearchAttributes({
      namespace: temporal.namespace,
    });
    expect(Object.keys(attributes.customAttributes ?? {})).toEqual(
      expect.arrayContaining(["Network", "JobKind", "FailedBlocks", "DonePercent"]),
    );
    await before.close();

    await temporal.kill();
    await temporal.restart();

    const after = await Connection.connect({ address: temporal.address });
    const execution = await after.workflowService.describeWorkflowExecution({
      namespace: temporal.namespace,
      execution: { workflowId: "kept" },
    });
    expect(execution.workflowExecutionInfo?.execution?.workflowId).toBe("kept");
    await after.close();
  } finally {
    await temporal.stop();
  }
});
