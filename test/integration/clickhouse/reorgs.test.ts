import { afterAll, beforeAll, expect, test } from "vitest";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { zeroHash } from "../../../src/domain/ledger.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { hashOf, ledgerRow } from "../../support/ledger-rows.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const reorgsOf = (network: string) =>
  clickhouse.client.query(
    `SELECT * EXCEPT (meta_network_name, reorged_at) FROM reorgs WHERE meta_network_name = {network:String} ORDER BY reorged_at`,
    { parameters: { network } },
  );

test("tells each reorg once, with both branches and the rows that stopped being canonical", async () => {
  const network = "forked";
  const processors = ["structlog", "transaction"] as const;
  const ledger = createLedger(clickhouse.client);
  const rowsOf = (numbers: readonly number[], facts: Partial<Parameters<typeof ledgerRow>[0]>) =>
    numbers.flatMap((blockNumber) =>
      processors.map((processor) =>
        ledgerRow({ network, processor, blockNumber, rowCount: 10, ...facts }),
      ),
    );
  await ledger.write(rowsOf([1, 2, 3, 4], {}));
  await ledger.write([
    ...rowsOf([3], {
      blockHash: hashOf("b3"),
      generation: 2,
      reason: "reorg of depth 2 above block 2",
      workflowId: "follow/forked",
    }),
    ...rowsOf([4], {
      status: "retracted",
      generation: 2,
      node: "",
      workflowId: "follow/forked",
      reason: "reorg of depth 2 above block 2",
    }),
  ]);
  // Neither is a reorg: a requeue that succeeded, a block that comes where one was taken away, a zombie of the old branch.
  await ledger.write(rowsOf([2], { generation: 1, attemptId: "77" }));
  await ledger.write(rowsOf([4], { blockHash: hashOf("b4"), generation: 2 }));
  await ledger.write(rowsOf([3], { generation: 1, attemptId: "78" }));
  // The old branch comes back, and longer.
  await ledger.write(
    rowsOf([3, 4], { generation: 4, workflowId: "follow/forked", reason: "back" }),
  );

  expect(await reorgsOf(network)).toEqual([
    {
      depth: "2",
      first_block: "3",
      last_block: "4",
      block_numbers: ["3", "4"],
      old_hashes: [hashOf(3), hashOf(4)],
      new_hashes: [hashOf("b3"), zeroHash],
      retracted_rows: "40",
      retracted_blocks: "1",
      processors: ["structlog", "transaction"],
      node: "archive",
      workflow_id: "follow/forked",
      reason: "reorg of depth 2 above block 2",
    },
    {
      depth: "2",
      first_block: "3",
      last_block: "4",
      block_numbers: ["3", "4"],
      old_hashes: [hashOf("b3"), hashOf("b4")],
      new_hashes: [hashOf(3), hashOf(4)],
      retracted_rows: "40",
      retracted_blocks: "0",
      processors: ["structlog", "transaction"],
      node: "archive",
      workflow_id: "follow/forked",
      reason: "back",
    },
  ]);
});
