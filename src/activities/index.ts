import type { IndexActivities } from "../workflows/index-activities.ts";
import { createAnnounceRecovery } from "./announce-recovery.ts";
import { beating } from "./beating.ts";
import { createEnsureGapFill } from "./ensure-gap-fill.ts";
import { createFindFollowStart } from "./find-follow-start.ts";
import { createFindSweptGaps } from "./find-swept-gaps.ts";
import { createIndexBlocks } from "./index-blocks/index-blocks.ts";
import type { TraceEngine } from "./index-blocks/trace-engine.ts";
import { createPlanChunk } from "./plan-chunk.ts";
import type { Dependencies } from "./ports.ts";
import { createRegisterRange } from "./register-range.ts";
import { createReleaseBlocks } from "./release-blocks.ts";

/** Every effect of the index workflows in one table, for `Worker.create({ activities })`. */
export function createActivities(dependencies: Dependencies, engine: TraceEngine): IndexActivities {
  return {
    indexBlocks: createIndexBlocks(dependencies, engine),
    planChunk: createPlanChunk(dependencies),
    findGaps: beating(createFindSweptGaps(dependencies)),
    registerRange: createRegisterRange(dependencies),
    findFollowStart: createFindFollowStart(dependencies),
    ensureGapFill: createEnsureGapFill(dependencies),
    announceRecovery: createAnnounceRecovery(dependencies),
    releaseBlocks: beating(createReleaseBlocks(dependencies)),
  };
}
