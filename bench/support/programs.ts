import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "../../src/dev/processes.ts";
import { projectRoot } from "../../src/dev/project-root.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { Bench } from "../benchmark.ts";
import type { Task, TaskOf, TaskResult } from "../programs/task.ts";

export type ServedNode = { readonly url: string; readonly process: RunningProcess };

/** Starts a node of ours, a program that prints `listening PORT`, as a process of its own. */
export async function startNode(
  { folder, stops }: Bench,
  program: "served-node" | "giant-node",
  args: readonly string[],
): Promise<ServedNode> {
  const node = startProcess({
    name: program,
    command: process.execPath,
    args: ["--import", "tsx", join(projectRoot, "bench", "programs", `${program}.ts`), ...args],
    cwd: projectRoot,
    logFile: join(folder, `${program}.log`),
  });
  stops.add(() => node.kill());
  const port = await waitUntil(() => /listening (\d+)/.exec(node.output())?.[1], {
    what: `${program} to listen`,
    timeoutMs: 60_000,
    process: node,
  });
  return { url: `http://127.0.0.1:${port}`, process: node };
}

/** A process that does one task after another and measures itself. */
export type TaskRunner = {
  readonly pid: number;
  readonly run: (task: Task) => Promise<TaskResult>;
  /** Ends it before the benchmark ends, so that it is no burden of what is measured next. */
  readonly stop: () => Promise<void>;
};

/** Starts a process for tasks: what it holds and what is compiled stays from one task to the next, as in a worker. */
export function startTaskRunner({ stops }: Bench, setting: TaskOf): TaskRunner {
  const child = fork(
    join(projectRoot, "bench", "programs", "tasks.ts"),
    [JSON.stringify(setting)],
    {
      execArgv: ["--import", "tsx"],
      cwd: projectRoot,
    },
  );
  stops.add(() => end(child));
  return {
    pid: child.pid ?? 0,
    stop: () => end(child),
    async run(task) {
      child.send(task);
      const answer: unknown = await Promise.race([
        once(child, "message").then(([message]: unknown[]) => message),
        once(child, "exit").then(() => ({ error: "the process ended" })),
      ]);
      if (!isResult(answer)) throw new Error(`${task.kind}: ${JSON.stringify(answer)}`);
      return answer;
    },
  };
}

function isResult(answer: unknown): answer is TaskResult {
  return typeof answer === "object" && answer !== null && "seconds" in answer;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
