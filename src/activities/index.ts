import type { IndexActivities } from "../workflows/messages.ts";
import { createEnsureGapFill } from "./ensure-gap-fill.ts";
import { withFailures } from "./failure.ts";
import { createFindFollowStart } from "./find-follow-start.ts";
import { createFindGaps } from "./find-gaps.ts";
import { createIndexBlocks } from "./index-blocks/index-blocks.ts";
import type { TraceEngine } from "./index-blocks/trace-engine.ts";
import { createPlanChunk } from "./plan-chunk.ts";
import type { Dependencies } from "./ports.ts";
import { createRegisterRange } from "./register-range.ts";
import { createReleaseBlocks } from "./release-blocks.ts";

/** Every effect of the index workflows in one table, for `Worker.create({ activities })`. */
export function createActivities(dependencies: Dependencies, engine: TraceEngine): IndexActivities {
  return {
    indexBlocks: withFailures(createIndexBlocks(dependencies, engine)),
    planChunk: withFailures(createPlanChunk(dependencies)),
    findGaps: withFailures(createFindGaps(dependencies)),
    registerRange: withFailures(createRegisterRange(dependencies)),
    findFollowStart: withFailures(createFindFollowStart(dependencies)),
    ensureGapFill: withFailures(createEnsureGapFill(dependencies)),
    releaseBlocks: withFailures(createReleaseBlocks(dependencies)),
  };
}
