// Every function exported here is a workflow type that stays replayable.
export { backfillWorkflow } from "./backfill.ts";
export { followWorkflow } from "./follow.ts";
export { gapFillWorkflow } from "./gap-fill.ts";
