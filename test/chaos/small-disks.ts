import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ClickHouse } from "../../src/clickhouse/client.ts";
import { StopList } from "../../src/dev/stop-list.ts";
import { DiskFullError } from "../../src/errors.ts";

/** A file system of its own, in memory, that can be made to have no byte left. */
export type SmallDisk = {
  readonly path: string;
  readonly fill: () => Promise<void>;
  readonly widen: () => Promise<void>;
};

/** One for ClickHouse's data and one for its temporary files. */
export type SmallDisks = {
  readonly data: SmallDisk;
  readonly temp: SmallDisk;
  readonly stop: () => Promise<void>;
};

const run = promisify(execFile);
/** As root or inside `unshare` (test/chaos/run.sh), or as a person who may sudo, as on CI's machines. */
const waysToMount = [[], ["sudo", "-n"]] as const;
const roomBytes = { data: 8 * 2 ** 30, temp: 2 ** 28 };

/** @returns null where this user may mount nothing: no disk can be filled then. */
export async function mountSmallDisks(): Promise<SmallDisks | null> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-disks-"));
  const stops = new StopList();
  stops.add(() => rm(folder, { recursive: true, force: true }));
  const stop = () => stops.stopAll();
  for (const way of waysToMount) {
    try {
      const mount = (disk: "data" | "temp") =>
        mountSmallDisk(way, { path: join(folder, disk), room: roomBytes[disk] }, stops);
      return { data: await mount("data"), temp: await mount("temp"), stop };
    } catch {
      // The next way may be allowed.
    }
  }
  await stop();
  return null;
}

async function mountSmallDisk(
  way: readonly string[],
  { path, room }: { readonly path: string; readonly room: number },
  stops: StopList,
): Promise<SmallDisk> {
  const asAllowed = async (...command: string[]) => {
    const [program = "", ...arguments_] = [...way, ...command];
    await run(program, arguments_);
  };
  const resize = (bytes: number) =>
    asAllowed("mount", "-o", `remount,size=${bytes}`, "tmpfs", path);
  await mkdir(path, { recursive: true });
  await asAllowed("mount", "-t", "tmpfs", "-o", `size=${room},mode=0777`, "tmpfs", path);
  stops.add(() => asAllowed("umount", path));
  return { path, fill: () => shrinkToUsed(path, resize), widen: () => resize(room) };
}

const pageBytes = 4096;
const tries = 20;

/** Shrinking fails where somebody wrote since the look; a size of 0 would mean no limit. */
async function shrinkToUsed(path: string, resize: (bytes: number) => Promise<void>): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    const { blocks, bfree, bsize } = await statfs(path);
    try {
      return await resize(Math.max(pageBytes, (blocks - bfree) * bsize));
    } catch (error) {
      if (tried === tries) throw error;
    }
  }
}

const table = "chaos_probe";

/** Writes to a table of its own. @throws {Error} When ClickHouse has room: then nothing was full. */
export async function expectFull(store: ClickHouse): Promise<void> {
  const rows = Array.from({ length: 20_000 }, () => ({ word: String(Math.random()) }));
  const refusal = await store
    .insertRows(table, rows, { token: `${table}:${Math.random()}` })
    .then(() => null)
    .catch((error: unknown) => error);
  if (refusal instanceof DiskFullError) return;
  throw refusal instanceof Error ? refusal : new Error("ClickHouse found room all the same");
}

export function createProbe(store: ClickHouse): Promise<unknown> {
  return store.command(
    `CREATE TABLE IF NOT EXISTS ${table} (word String) ENGINE = MergeTree ORDER BY ()`,
  );
}
