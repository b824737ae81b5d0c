import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleWorkflowCode } from "@temporalio/worker";
import { failureConverterPath } from "../temporal/staking-data-converter.ts";
import { workflowBundles } from "../temporal/workflow-source.ts";

// A step of the build: all workflows ahead, so that a worker starts in 1 s instead of 3. Two files, because the staking
// workflows encrypt their failures too.
const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: bundle-workflows.js FOLDER");
const converters = { index: {}, staking: { failureConverterPath } };
for (const name of ["index", "staking"] as const) {
  const { file, workflows } = workflowBundles[name];
  const workflowsPath = join(folder, `${workflows}.js`);
  const { code } = await bundleWorkflowCode({ workflowsPath, ...converters[name] });
  await writeFile(join(folder, file), code);
}
