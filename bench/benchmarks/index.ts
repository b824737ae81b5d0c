import type { Benchmark } from "../benchmark.ts";
import { backfill } from "./backfill.ts";
import { coverage } from "./coverage.ts";
import { events, eventsOfHeavyBlocks } from "./events.ts";
import { head } from "./head.ts";
import { insert } from "./insert.ts";
import { light } from "./light.ts";
import { memory } from "./memory.ts";
import { pipeline } from "./pipeline.ts";
import { scan } from "./scan.ts";
import { staking } from "./staking.ts";

/** In the order in which they are run. */
export const benchmarks: readonly Benchmark[] = [
  scan,
  insert,
  pipeline,
  backfill,
  light,
  memory,
  head,
  events,
  eventsOfHeavyBlocks,
  coverage,
  staking,
];
