import type { Benchmark } from "../benchmark.ts";
import { light } from "./light.ts";

/** In the order in which they are run. */
export const benchmarks: readonly Benchmark[] = [light];
