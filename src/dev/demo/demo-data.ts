import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { userPath } from "../command-line.ts";
import { type DataFolder, defaultDataFolder, takeDataFolder } from "../data-folder.ts";

const chainFile = z.object({ seed: z.number(), head: z.number() });

/** Where a demo keeps its things, and which chain stood there before. */
export type DemoData = {
  readonly folder: DataFolder;
  readonly dataDir: string;
  /** The head that an earlier demo in this folder had reached; 0 on fresh data. */
  readonly earlierHead: number;
  readonly seed: number;
  /** Notes how far the chain is: made again with the same seed, it is the same chain. */
  readonly noteHead: (head: number) => Promise<void>;
};

/** Opens the data of a demo: fresh below `.blockloom/demo`, or what `--data DIR` holds. */
export async function openDemoData(options: {
  readonly data: string | undefined;
  readonly seed: number;
}): Promise<DemoData> {
  const folder = await takeDataFolder(userPath(options.data ?? defaultDataFolder));
  const dataDir = options.data === undefined ? folder.file("demo") : folder.path;
  if (options.data === undefined) await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  const file = `${dataDir}/chain.json`;
  const earlier = await readFile(file, "utf8").then(
    (text) => chainFile.parse(JSON.parse(text)),
    () => ({ seed: options.seed, head: 0 }),
  );
  return {
    folder,
    dataDir,
    earlierHead: earlier.head,
    seed: earlier.seed,
    noteHead: async (head) => {
      await writeFile(`${file}.new`, JSON.stringify({ seed: earlier.seed, head }));
      await rename(`${file}.new`, file);
    },
  };
}
