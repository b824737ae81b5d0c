import {
  defineSearchAttributeKey,
  SearchAttributeType,
  TypedSearchAttributes,
} from "@temporalio/common";
import type { BlockRange } from "../domain/block-range.ts";

/** What the web UI and `status` filter jobs by. SQLite has 3 slots for Int. */
export const searchAttributeTypes = {
  Network: SearchAttributeType.KEYWORD,
  JobKind: SearchAttributeType.KEYWORD,
  JobStatus: SearchAttributeType.KEYWORD,
  FromBlock: SearchAttributeType.INT,
  ToBlock: SearchAttributeType.INT,
  FailedBlocks: SearchAttributeType.INT,
  DonePercent: SearchAttributeType.DOUBLE,
} as const;

const network = defineSearchAttributeKey("Network", SearchAttributeType.KEYWORD);
const jobKind = defineSearchAttributeKey("JobKind", SearchAttributeType.KEYWORD);
const jobStatus = defineSearchAttributeKey("JobStatus", SearchAttributeType.KEYWORD);
const fromBlock = defineSearchAttributeKey("FromBlock", SearchAttributeType.INT);
const toBlock = defineSearchAttributeKey("ToBlock", SearchAttributeType.INT);

/** What a job's start says of it; the workflow adds how it goes. */
export function jobAttributes(
  job: {
    readonly network: string;
    readonly kind: string;
    /** Where the workflow would write it first of all: spares the server an update of its list. */
    readonly status?: string;
  } & Partial<BlockRange>,
): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: network, value: job.network },
    { key: jobKind, value: job.kind },
    ...(job.status === undefined ? [] : [{ key: jobStatus, value: job.status }]),
    ...(job.fromBlock === undefined ? [] : [{ key: fromBlock, value: job.fromBlock }]),
    ...(job.toBlock === undefined ? [] : [{ key: toBlock, value: job.toBlock }]),
  ]);
}
