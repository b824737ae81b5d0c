import { processors as knownProcessors } from "../domain/processor.ts";
import type { BackfillInput } from "./backfill-shapes.ts";
import { refusal } from "./fault.ts";
import type { FollowInput } from "./follow-shapes.ts";
import type { GapFillInput } from "./gap-fill-shapes.ts";

// Inputs come from our client, and from whoever presses "Start workflow" in the UI: a bad one ends the workflow with words.
// Unlike a TypeError, which would fail its first task again and again.

/** Lanes beyond it only wait for each other: the node is the bottleneck long before. */
export const maximumConcurrency = 64;

/** @throws RequestRefusedError (as a failure of the workflow) where the input cannot be run. */
export function checkFollowInput(input: FollowInput): void {
  checkCommon(input);
  if (input.startBlock !== null && !isBlockNumber(input.startBlock)) {
    throw refusal("startBlock is neither a block number nor null");
  }
}

/** @throws RequestRefusedError (as a failure of the workflow) where the input cannot be run. */
export function checkBackfillInput(input: BackfillInput): void {
  checkCommon(input);
  if (!isBlockNumber(input.fromBlock) || !isBlockNumber(input.toBlock)) {
    throw refusal("fromBlock and toBlock are not block numbers");
  }
  if (input.fromBlock > input.toBlock) {
    throw refusal(`the range ends (${input.toBlock}) before it starts (${input.fromBlock})`);
  }
  if (input.order !== "oldest-first" && input.order !== "newest-first") {
    throw refusal('order is neither "oldest-first" nor "newest-first"');
  }
  if (!isConcurrency(input.concurrency)) {
    throw refusal(`concurrency is not a whole number from 1 to ${maximumConcurrency}`);
  }
  if (!(input.chunkSeconds > 0)) throw refusal("chunkSeconds is not a number above 0");
}

/** @throws RequestRefusedError (as a failure of the workflow) where the input cannot be run. */
export function checkGapFillInput(input: GapFillInput): void {
  checkCommon(input);
  if (!(input.scanIntervalMs >= 100))
    throw refusal("scanIntervalMs is not a number of 100 or more");
  if (!Number.isSafeInteger(input.batchBlocks) || input.batchBlocks < 1) {
    throw refusal("batchBlocks is not a whole number of 1 or more");
  }
}

export function isConcurrency(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= maximumConcurrency;
}

function isBlockNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isKnownProcessor(name: unknown): boolean {
  return knownProcessors.some((known) => known === name);
}

function checkCommon(input: { v: number; network: string; processors: readonly string[] }): void {
  if (typeof input !== "object" || input === null) throw refusal("the input is not an object");
  if (input.v !== 1) throw refusal(`this worker reads inputs of version 1, not ${String(input.v)}`);
  if (typeof input.network !== "string" || input.network === "") {
    throw refusal("network is not a name");
  }
  const { processors } = input;
  if (
    !Array.isArray(processors) ||
    processors.length === 0 ||
    !processors.every(isKnownProcessor)
  ) {
    throw refusal(`processors is not a list of ${knownProcessors.join(", ")}`);
  }
}
