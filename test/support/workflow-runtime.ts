import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger, Runtime } from "@temporalio/worker";

type Bundle = Promise<{ code: string }>;

let isRuntimeQuiet = false;
const bundles = new Map<string, Bundle>();

/** Lets the SDK print errors only, once a process. */
export function quietRuntime(): void {
  if (!isRuntimeQuiet) Runtime.install({ logger: new DefaultLogger("ERROR") });
  isRuntimeQuiet = true;
}

/** The workflows as their worker loads them, built once a process. */
export function workflowBundle(): Bundle {
  return bundleOf("../../src/workflows/index.ts");
}

/** The staking workflows as their worker loads them, built once a process. */
export function stakingBundle(): Bundle {
  return bundleOf("../../src/workflows/staking/index.ts");
}

function bundleOf(path: string): Bundle {
  const bundle =
    bundles.get(path) ??
    bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL(path, import.meta.url)),
      logger: new DefaultLogger("WARN"),
    });
  bundles.set(path, bundle);
  return bundle;
}
