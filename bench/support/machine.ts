import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** Facts that a number means nothing without. */
export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly arch: string;
  /** Load averages over 1, 5 and 15 minutes: above the cores, others were at work too. */
  readonly load: readonly number[];
};

export async function readMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    arch: arch(),
    load: loadavg().map((load) => Math.round(load * 10) / 10),
  };
}

const ticksPerSecond = 100;

/** CPU seconds that a process has used, its threads included and its children not. Linux only. */
export async function readCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces; user and system time are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
