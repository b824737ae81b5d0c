import type { RawValue } from "@temporalio/common";
import { rawValueTypeInfo } from "@temporalio/common";
import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import type { HeadPolicy } from "../domain/chain.ts";
import type { BackfillProgress } from "./backfill-shapes.ts";
import type { FollowProgress } from "./follow-shapes.ts";
import type { GapFillProgress, RequeuedRange } from "./gap-fill-shapes.ts";
import type { AcceptReorgRequest, RequeueAnswer } from "./messages.ts";
import { messageNames } from "./messages.ts";

/**
 * Signal bodies arrive undecoded. The SDK decodes them before any handler runs, and a body that is no JSON would fail
 * the workflow task again and again: one typing error in the UI would stop the job for ever.
 */
const undecoded = { typeInfo: { inputTypes: [rawValueTypeInfo, rawValueTypeInfo] } };

export const pauseSignal = defineSignal<RawValue[]>(messageNames.pause, undecoded);
export const resumeSignal = defineSignal<RawValue[]>(messageNames.resume, undecoded);
export const requeueBlocksSignal = defineSignal<RawValue[]>(messageNames.requeueBlocks, undecoded);
export const releaseBlocksSignal = defineSignal<RawValue[]>(messageNames.releaseBlocks, undecoded);

// What a person sends is `unknown` until a handler has looked at it.
export const setHeadPolicyUpdate = defineUpdate<{ headPolicy: HeadPolicy }, [unknown]>(
  messageNames.setHeadPolicy,
);
export const acceptReorgUpdate = defineUpdate<AcceptReorgRequest, [unknown]>(
  messageNames.acceptReorg,
);
export const setConcurrencyUpdate = defineUpdate<{ concurrency: number }, [unknown]>(
  messageNames.setConcurrency,
);
export const requeueBlocksUpdate = defineUpdate<RequeueAnswer, [unknown]>(
  messageNames.requeueBlocks,
);

export const followProgressQuery = defineQuery<FollowProgress>(messageNames.progress);
export const backfillProgressQuery = defineQuery<BackfillProgress>(messageNames.progress);
export const gapFillProgressQuery = defineQuery<GapFillProgress>(messageNames.progress);
export const pendingQuery = defineQuery<readonly RequeuedRange[]>(messageNames.pending);
