import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { quietRuntime } from "../support/workflow-runtime.ts";

/** What became of a folder of recorded histories: their names, how many were replayed, and which decided otherwise. */
export type Replay = {
  readonly names: readonly string[];
  readonly replayed: number;
  readonly failed: readonly string[];
};

/** Replays every history of a folder beside this file against the workflows as they are. */
export async function replayHistories(
  folder: string,
  workflowBundle: { readonly code: string },
): Promise<Replay> {
  const path = fileURLToPath(new URL(folder, import.meta.url));
  const names = (await readdir(path)).filter((name) => name.endsWith(".json"));
  const histories = await Promise.all(
    names.map(async (name) => {
      const history: unknown = JSON.parse(await readFile(`${path}/${name}`, "utf8"));
      return { workflowId: name, history };
    }),
  );
  quietRuntime();
  const failed: string[] = [];
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle },
    histories,
  )) {
    replayed += 1;
    if (error) failed.push(`${workflowId}: ${error.message}`);
  }
  return { names, replayed, failed };
}
