import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStakeRequestStore } from "../../../src/clickhouse/stake-requests.ts";
import { createStakeTransactionStore } from "../../../src/clickhouse/stake-transactions.ts";
import type { Hex } from "../../../src/domain/chain.ts";
import type { StakeRequestStatus } from "../../../src/workflows/staking/request-shapes.ts";
import type { StakeTransactionRecord } from "../../../src/workflows/staking/stake-activities.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";

let server: TestClickHouse;
beforeAll(async () => {
  server = await startTestClickHouse();
});
afterAll(() => server?.stop());

const hex = (byte: string, bytes: number): Hex => `0x${byte.repeat(bytes)}`;
const requestId = (name: string) => `stake/31337/0x${name.padStart(64, "0")}`;

function statusOf(name: string, changes: Partial<StakeRequestStatus> = {}): StakeRequestStatus {
  return {
    requestId: requestId(name),
    chainId: 31337,
    kind: "stake",
    owner: hex("ab", 20),
    target: "79228162514264337593543950335",
    state: "checking",
    isFinal: false,
    reason: null,
    nonce: null,
    transactionHash: null,
    blockNumber: null,
    gasUsed: null,
    stakeId: null,
    receivedAt: "2026-11-24T10:00:00.001Z",
    expiresAt: "2026-12-01T10:00:00.001Z",
    updatedAt: "2026-11-24T10:00:00.001Z",
    ...changes,
  };
}

const requestStore = () => createStakeRequestStore(server.client);
const record = (status: StakeRequestStatus) =>
  requestStore().record({ status, source: "api", actor: "kim" });
const countRows = async (id: string) => {
  const [row] = await server.client.query<{ rows: string }>(
    "SELECT count() AS rows FROM stake_request WHERE request_id = {id:String}",
    { parameters: { id } },
  );
  return Number(row?.rows);
};
const attempt = (changes: Partial<StakeTransactionRecord> = {}): StakeTransactionRecord => ({
  nonce: 0,
  attempt: 1,
  kind: "call",
  requestId: requestId("1"),
  hash: hex("11", 32),
  raw: "0x02f8",
  fees: { maxFeePerGasWei: "30000000000", maxPriorityFeePerGasWei: "1500000000" },
  gasLimit: "860000",
  state: "broadcast",
  blockNumber: null,
  gasUsed: null,
  ...changes,
});

describe("stake_request", () => {
  test("a status comes back as it was written", async () => {
    const status = statusOf("1", {
      state: "succeeded",
      isFinal: true,
      nonce: 7,
      transactionHash: hex("cd", 32),
      blockNumber: 123,
      gasUsed: "632001",
      stakeId: "93133705",
      updatedAt: "2026-11-24T10:00:05.250Z",
    });
    await record(status);
    expect(await requestStore().read(status.requestId)).toEqual(status);
  });

  test("a transaction of ours that reverted comes back apart from the one that counts", async () => {
    const served = statusOf("77", {
      state: "fulfilled_externally",
      isFinal: true,
      transactionHash: hex("ee", 32),
    });
    await record(served);
    const ours = { nonce: 4, requestId: served.requestId, hash: hex("44", 32), blockNumber: 9 };
    const store = createStakeTransactionStore(server.client);
    const account = { chainId: 31337, address: hex("99", 20) };
    await store.record(
      [
        attempt({ ...ours, state: "mined", gasUsed: "45000" }),
        attempt({ ...ours, state: "final", gasUsed: "45000" }),
        attempt({ ...ours, attempt: 2, hash: hex("45", 32), blockNumber: null, state: "replaced" }),
      ],
      account,
    );
    expect(await requestStore().read(served.requestId)).toEqual({
      ...served,
      revertedTransaction: {
        nonce: 4,
        transactionHash: hex("44", 32),
        blockNumber: 9,
        gasUsed: "45000",
      },
    });

    const ended = statusOf("78", { state: "reverted", isFinal: true, nonce: 5 });
    const counting = { ...ended, transactionHash: hex("55", 32) };
    await record(counting);
    const own = { nonce: 5, requestId: ended.requestId, hash: hex("55", 32), blockNumber: 9 };
    await store.record([attempt({ ...own, state: "final", gasUsed: "45000" })], account);
    expect(await requestStore().read(ended.requestId)).toEqual(counting);
  });

  test("a reason comes back with its code and its sentence", async () => {
    const reason = { code: "NOT_STAKE_OWNER", message: "The stake is another's." };
    await record(statusOf("2", { state: "refused", isFinal: true, reason }));
    expect((await requestStore().read(requestId("2")))?.reason).toEqual(reason);
  });

  test("nobody knows a request that was never written", async () => {
    expect(await requestStore().read(requestId("dead"))).toBeNull();
    expect(await requestStore().read("nonsense")).toBeNull();
  });

  test("the end counts in whatever order the rows were written", async () => {
    const end = statusOf("3", {
      state: "succeeded",
      isFinal: true,
      updatedAt: "2026-11-24T10:00:09.000Z",
    });
    await record(end);
    await record(statusOf("3", { state: "broadcast", updatedAt: "2026-11-24T10:00:04.000Z" }));
    await record(statusOf("3"));
    expect(await requestStore().read(end.requestId)).toEqual(end);
  });

  test("a request that was asked for again stands where its newest run stands", async () => {
    await record(statusOf("4", { state: "expired", isFinal: true }));
    const again = statusOf("4", {
      state: "queued",
      receivedAt: "2026-11-25T10:00:00.000Z",
      updatedAt: "2026-11-25T10:00:01.000Z",
    });
    await record(again);
    expect(await requestStore().read(again.requestId)).toEqual(again);
  });

  test("a record that is repeated is one row", async () => {
    await record(statusOf("5"));
    await record(statusOf("5"));
    expect(await countRows(requestId("5"))).toBe(1);
  });

  test("an entry of the stream that no request can be made of is one row, however often it is told", async () => {
    const poison = {
      chainId: 31337,
      entryId: "1795307578255-0",
      entity: { type: "restake", entityId: "01ARZ3NDEKTSV4RRFFQ69G5FAV" },
      code: "SIGNATURE_COMPACT",
      message: "The signature has 64 bytes.",
    } as const;
    await requestStore().recordPoison(poison);
    await requestStore().recordPoison(poison);
    const rows = await server.client.query<object>(
      "SELECT kind, owner, state, is_final, reason_code, reason_message, received_at FROM stake_request WHERE request_id = 'stream/31337/1795307578255-0'",
    );
    expect(rows).toEqual([
      {
        kind: "restake",
        owner: null,
        state: "refused",
        is_final: true,
        reason_code: "SIGNATURE_COMPACT",
        reason_message: "The signature has 64 bytes. (restake 01ARZ3NDEKTSV4RRFFQ69G5FAV)",
        received_at: "2026-11-22 00:32:58.255",
      },
    ]);
    expect(await requestStore().read("stream/31337/1795307578255-0")).toBeNull();
  });

  test.each(["99999999999999999-0", "18446744073709551615-1", "253402300800000-0"])(
    "the report of an entry with the id %s, a time that no table holds, fails no other row",
    async (entryId) => {
      const poison = { chainId: 31337, entity: null, code: "TYPE_UNKNOWN", message: "No type." };
      const store = requestStore();
      const id = requestId(entryId.slice(0, 4));
      await Promise.all([
        store.recordPoison({ ...poison, entryId }),
        store.record({ status: statusOf(entryId.slice(0, 4)), source: "api", actor: "kim" }),
      ]);
      const rows = await server.client.query<object>(
        "SELECT toString(received_at) AS at FROM stake_request WHERE request_id = {id:String}",
        { parameters: { id: `stream/31337/${entryId}` } },
      );
      expect(rows).toEqual([{ at: "2299-12-31 23:59:59.999" }]);
      expect(await countRows(id)).toBe(1);
    },
  );
});

describe("stake_transaction", () => {
  test("an attempt has a row from its broadcast on, and one for what became of it", async () => {
    const store = createStakeTransactionStore(server.client);
    const account = { chainId: 31337, address: hex("ee", 20) };
    const sent = [
      attempt(),
      attempt({ nonce: 1, kind: "noop", requestId: null, hash: hex("22", 32) }),
    ];
    await store.record(sent, account);
    await store.record(sent, account);
    await store.record([attempt({ state: "final", blockNumber: 9, gasUsed: "632001" })], account);
    await store.record([], account);
    const rows = await server.client.query<object>(
      `SELECT nonce, attempt, state, kind, request_id, raw, max_fee_per_gas, gas_limit, block_number, gas_used
       FROM stake_transaction WHERE signer = {signer:String} ORDER BY nonce, attempt, state`,
      { parameters: { signer: account.address } },
    );
    const fees = { max_fee_per_gas: "30000000000", gas_limit: "860000", raw: "0x02f8" };
    const open = { block_number: null, gas_used: null, attempt: 1, ...fees };
    expect(rows).toEqual([
      { nonce: "0", state: "broadcast", kind: "call", request_id: requestId("1"), ...open },
      {
        ...open,
        nonce: "0",
        state: "final",
        kind: "call",
        request_id: requestId("1"),
        block_number: "9",
        gas_used: "632001",
      },
      { nonce: "1", state: "broadcast", kind: "noop", request_id: "", ...open },
    ]);
  });
});
