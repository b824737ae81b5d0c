import type { Poison, StakeRequestStore } from "../activities/staking/bridge-ports.ts";
import type { Hex } from "../domain/chain.ts";
import { entryTime } from "../domain/staking/entry-time.ts";
import type { StakeState } from "../domain/staking/stake-call.ts";
import type { StakeRequestStatus } from "../workflows/staking/request-shapes.ts";
import type { ClickHouse } from "./client.ts";
import { contentToken } from "./content-token.ts";
import { gatherRows } from "./gather-rows.ts";

const table = "stake_request";
/** Nobody waits for these rows. */
const gatherMs = 50;

/** A row of `stake_request` without its default; NFT ids and gas are decimal strings. */
type Row = {
  readonly chain_id: number;
  readonly request_id: string;
  readonly kind: "stake" | "restake" | "unknown";
  readonly owner: string | null;
  readonly target: string | null;
  readonly state: StakeState;
  readonly is_final: boolean;
  readonly reason_code: string;
  readonly reason_message: string;
  readonly nonce: number | null;
  readonly transaction_hash: string | null;
  readonly transaction_block: number | null;
  readonly gas_used: string | null;
  readonly stake_id: string | null;
  readonly source: string;
  readonly actor: string;
  readonly received_at: string;
  readonly expires_at: string;
  readonly updated_at: string;
};

type Times = "received_at" | "expires_at" | "updated_at";
/** A row as it is read: times as milliseconds of the epoch, 64-bit numbers quoted. */
type StoredRow = Omit<Row, Times | "chain_id"> & { readonly chain_id: string } & {
  readonly [Time in Times as `${Time}_ms`]: string;
};

export type StakeRequestTable = StakeRequestStore & {
  /** Where a request stood last, as far as it was written; null for one that never was. */
  read(requestId: string): Promise<StakeRequestStatus | null>;
};

/** The history of requests in `stake_request`. */
export function createStakeRequestStore(clickhouse: ClickHouse): StakeRequestTable {
  const insert = gatherRows<Row>(
    (rows) => clickhouse.insertRows(table, rows, { token: contentToken(table, rows) }),
    gatherMs,
  );
  return {
    record: ({ status, source, actor }) => insert(toRow(status, source, actor)),
    recordPoison: (poison) => insert(poisonRow(poison)),
    async read(requestId) {
      const [row] = await clickhouse.query<StoredRow>(newestSql, { parameters: { requestId } });
      const status = row === undefined ? null : toStatus(row);
      return status && { ...status, ...(await readReverted(clickhouse, status)) };
    },
  };
}

/**
 * The newest run of a request that was asked for again; in it the end, else the newest change. All of it are times of
 * the workflow's own history, which never go back, so the order of inserts does not matter.
 */
const newestSql = `
SELECT chain_id, request_id, kind, owner, toString(target) AS target, state, is_final, reason_code, reason_message,
  nonce, transaction_hash, transaction_block, toString(gas_used) AS gas_used, toString(stake_id) AS stake_id, source,
  actor, toUnixTimestamp64Milli(received_at) AS received_at_ms,
  toUnixTimestamp64Milli(expires_at) AS expires_at_ms,
  toUnixTimestamp64Milli(updated_at) AS updated_at_ms
FROM ${table}
WHERE chain_id = toUInt64OrZero(splitByChar('/', {requestId:String})[2]) AND request_id = {requestId:String}
ORDER BY received_at DESC, is_final DESC, updated_at DESC, state DESC
LIMIT 1`;

/** At the end of a request, a final call of ours that is not the one that counts was mined and reverted. */
const revertedSql = `
SELECT nonce, hash, block_number, toString(gas_used) AS gas_used
FROM stake_transaction
WHERE chain_id = {chainId:UInt64} AND request_id = {requestId:String} AND kind = 'call' AND state = 'final'
  AND hash != {counting:String}
ORDER BY nonce DESC
LIMIT 1`;

async function readReverted(
  clickhouse: ClickHouse,
  { chainId, requestId, transactionHash, isFinal }: StakeRequestStatus,
): Promise<Pick<StakeRequestStatus, "revertedTransaction">> {
  if (!isFinal) return {};
  const [row] = await clickhouse.query<{
    readonly nonce: number | string;
    readonly hash: string;
    readonly block_number: number | string;
    readonly gas_used: string;
  }>(revertedSql, { parameters: { chainId, requestId, counting: transactionHash ?? "" } });
  if (row === undefined) return {};
  return {
    revertedTransaction: {
      nonce: Number(row.nonce),
      transactionHash: asHex(row.hash),
      blockNumber: Number(row.block_number),
      gasUsed: row.gas_used,
    },
  };
}

function toRow(status: StakeRequestStatus, source: string, actor: string): Row {
  return {
    chain_id: status.chainId,
    request_id: status.requestId,
    kind: status.kind,
    owner: status.owner,
    target: status.target,
    state: status.state,
    is_final: status.isFinal,
    reason_code: status.reason?.code ?? "",
    reason_message: status.reason?.message ?? "",
    nonce: status.nonce,
    transaction_hash: status.transactionHash,
    transaction_block: status.blockNumber,
    gas_used: status.gasUsed,
    stake_id: status.stakeId,
    source,
    actor,
    received_at: status.receivedAt,
    expires_at: status.expiresAt,
    updated_at: status.updatedAt,
  };
}

/** Its times are the entry's own, so that a report that is repeated counts once. */
function poisonRow({ chainId, entryId, entity, code, message }: Poison): Row {
  const writtenAt = entryTime(entryId);
  return {
    chain_id: chainId,
    request_id: `stream/${chainId}/${entryId}`,
    kind: entity?.type ?? "unknown",
    owner: null,
    target: null,
    state: "refused",
    is_final: true,
    reason_code: code,
    reason_message: entity === null ? message : `${message} (${entity.type} ${entity.entityId})`,
    nonce: null,
    transaction_hash: null,
    transaction_block: null,
    gas_used: null,
    stake_id: null,
    source: "bridge",
    actor: "stream",
    received_at: writtenAt,
    expires_at: writtenAt,
    updated_at: writtenAt,
  };
}

/** Only rows of requests are read back: those of stream entries have no status of a request. */
function toStatus(row: StoredRow): StakeRequestStatus | null {
  if (row.kind === "unknown" || row.owner === null || row.target === null) return null;
  return {
    requestId: row.request_id,
    chainId: Number(row.chain_id),
    kind: row.kind,
    owner: asHex(row.owner),
    target: row.target,
    state: row.state,
    isFinal: row.is_final,
    reason: row.reason_code === "" ? null : { code: row.reason_code, message: row.reason_message },
    nonce: toNumber(row.nonce),
    transactionHash: row.transaction_hash === null ? null : asHex(row.transaction_hash),
    blockNumber: toNumber(row.transaction_block),
    gasUsed: row.gas_used,
    stakeId: row.stake_id,
    receivedAt: toIso(row.received_at_ms),
    expiresAt: toIso(row.expires_at_ms),
    updatedAt: toIso(row.updated_at_ms),
  };
}

function toIso(milliseconds: string): string {
  return new Date(Number(milliseconds)).toISOString();
}

function toNumber(value: number | string | null): number | null {
  return value === null ? null : Number(value);
}

function asHex(text: string): Hex {
  return `0x${text.slice(2)}`;
}
