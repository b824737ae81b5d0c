import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readPeakMemory } from "./process-memory.ts";
import { type RunningProcess, startProcess } from "./processes.ts";
import { projectRoot } from "./project-root.ts";
import { waitUntil } from "./wait-until.ts";

type WorkerOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  readonly report: (line: string) => void;
};

const memoryEveryMs = 250;
const restartDelayMs = 500;
const startTimeoutMs = 120_000;
const stopGraceMs = 20_000;

/** A worker process that is replaced when it dies. */
export class SupervisedWorker {
  readonly #options: WorkerOptions;
  readonly #memoryTimer: NodeJS.Timeout;
  #current: RunningProcess;
  #readyPid = 0;
  #deaths = 0;
  #peakMemory = 0;
  #isStopping = false;
  #supervision: Promise<void> = Promise.resolve();

  private constructor(options: WorkerOptions) {
    this.#options = options;
    this.#current = this.#spawn();
    this.#memoryTimer = setInterval(() => void this.#watchMemory(), memoryEveryMs);
  }

  /** Starts `dist/worker.js` and waits until it is ready. @throws {Error} With its own words when it cannot start. */
  static async start(options: WorkerOptions): Promise<SupervisedWorker> {
    const worker = new SupervisedWorker(options);
    try {
      await worker.#waitUntilReady();
    } catch (error) {
      await worker.stop();
      throw error;
    }
    worker.#supervision = worker.#supervise();
    return worker;
  }

  /** Workers that ended without being asked to. */
  get deaths(): number {
    return this.#deaths;
  }

  /** The most memory that any of them has held, in bytes. */
  get peakMemory(): number {
    return this.#peakMemory;
  }

  /** SIGKILL, as a crash would; resolves when another worker is ready. */
  async kill(): Promise<void> {
    const killed = this.#current.pid;
    await this.#current.kill();
    await waitUntil(() => this.#readyPid !== killed, {
      what: "another worker",
      timeoutMs: startTimeoutMs,
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#memoryTimer);
    await this.#current.stop(stopGraceMs);
    await this.#supervision;
  }

  async #supervise(): Promise<void> {
    const { report } = this.#options;
    for (;;) {
      const { code, signal } = await this.#current.exited;
      if (this.#isStopping) return;
      this.#deaths += 1;
      report(`worker ${this.#current.pid} ended (${signal ?? `exit ${code}`}); starting another`);
      await sleep(restartDelayMs);
      if (this.#isStopping) return;
      this.#current = this.#spawn();
      try {
        await this.#waitUntilReady();
        report(`worker ${this.#current.pid} is ready`);
      } catch (error) {
        if (!this.#isStopping) report(error instanceof Error ? error.message : String(error));
      }
    }
  }

  #spawn(): RunningProcess {
    const { env, logFile } = this.#options;
    return startProcess({
      name: "the worker",
      command: process.execPath,
      args: ["--enable-source-maps", join(projectRoot, "dist", "worker.js")],
      env,
      cwd: projectRoot,
      logFile,
    });
  }

  async #waitUntilReady(): Promise<void> {
    const worker = this.#current;
    await waitUntil(() => worker.output().includes("Worker is ready"), {
      what: "the worker to be ready",
      timeoutMs: startTimeoutMs,
      everyMs: 100,
      process: worker,
    });
    this.#readyPid = worker.pid;
  }

  async #watchMemory(): Promise<void> {
    const bytes = await readPeakMemory(this.#current.pid);
    this.#peakMemory = Math.max(this.#peakMemory, bytes ?? 0);
  }
}
