import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { WorkerOptions } from "@temporalio/worker";

/** The bundles that the build makes ahead. */
export const workflowBundles = {
  index: { file: "workflow-bundle.js", workflows: "workflows/index" },
  staking: { file: "staking-workflow-bundle.js", workflows: "workflows/staking/index" },
} as const;

/** The bundle that the build made ahead (1 s to start instead of 3); without a build, the sources. */
export function workflowSource({
  file,
  workflows,
}: (typeof workflowBundles)[keyof typeof workflowBundles]): Pick<
  WorkerOptions,
  "workflowBundle" | "workflowsPath"
> {
  const codePath = fileURLToPath(new URL(`../${file}`, import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const source = new URL(`../${workflows}.${extension}`, import.meta.url);
  return { workflowsPath: fileURLToPath(source) };
}
