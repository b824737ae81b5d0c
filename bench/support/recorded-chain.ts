import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { callNode } from "../../src/dev/json-rpc.ts";
import { projectRoot } from "../../src/dev/project-root.ts";
import { callTracer, structLogger } from "../../src/rpc/traces.ts";

/** Where an answer lies in `answers.bin`. */
export type Place = readonly [offset: number, length: number];
/** What a node answered about each block, for {@link ../programs/served-node.ts} to answer again. */
export type Recording = {
  readonly clientVersion: string;
  readonly chainId: string;
  readonly nodeInfo: unknown;
  readonly head: number;
  /** By block number. */
  readonly blocks: readonly { readonly hash: string; readonly gasUsedRatio: number }[];
  /** By `block:N`, `receipts:HASH`, `calls:HASH`, `steps:HASH` (with stacks) and `lean:HASH`. */
  readonly answers: Readonly<Record<string, Place>>;
};

/** Kept between runs: a chain of the same key holds the same blocks. */
export const benchCache = join(projectRoot, ".tools", "bench");

/** A recorded chain and where it ends. */
export type RecordedChain = { readonly folder: string; readonly head: number };

/** A recorded chain, by its key; made by `record` on first use. */
export async function recordedChain(
  key: string,
  makeNode: () => Promise<{ readonly url: string; readonly stop: () => Promise<void> }>,
): Promise<RecordedChain> {
  const folder = join(benchCache, key);
  if (!existsSync(folder)) await makeChain(folder, makeNode);
  const { head } = await readRecording(folder);
  return { folder, head };
}

export async function readRecording(folder: string): Promise<Recording> {
  return JSON.parse(await readFile(join(folder, "recording.json"), "utf8"));
}

async function makeChain(
  folder: string,
  makeNode: () => Promise<{ readonly url: string; readonly stop: () => Promise<void> }>,
): Promise<void> {
  const node = await makeNode();
  const draft = `${folder}.${process.pid}`;
  try {
    await mkdir(draft, { recursive: true });
    await record(node.url, draft);
    await rename(draft, folder);
  } finally {
    await node.stop();
    await rm(draft, { recursive: true, force: true });
  }
}

async function record(url: string, folder: string): Promise<void> {
  const file = createWriteStream(join(folder, "answers.bin"));
  const answers: Record<string, Place> = {};
  const blocks: { hash: string; gasUsedRatio: number }[] = [];
  let offset = 0;
  const keep = async (key: string, method: string, params: readonly unknown[]) => {
    const bytes = await askRaw(url, method, params);
    answers[key] = [offset, bytes.length];
    offset += bytes.length;
    if (!file.write(bytes)) await once(file, "drain");
    return bytes;
  };
  const head = Number(await callNode(url, "eth_blockNumber"));
  for (let number = 0; number <= head; number += 1) {
    const text = await keep(`block:${number}`, "eth_getBlockByNumber", [
      `0x${number.toString(16)}`,
      true,
    ]);
    const block: { hash: string; gasUsed: string; gasLimit: string; transactions: unknown[] } =
      JSON.parse(text.toString());
    const { hash, gasUsed, gasLimit } = block;
    blocks.push({ hash, gasUsedRatio: Number(gasUsed) / Number(gasLimit) });
    if (block.transactions.length === 0) continue;
    await keep(`receipts:${hash}`, "eth_getBlockReceipts", [hash]);
    await keep(`calls:${hash}`, "debug_traceBlockByHash", [hash, callTracer]);
    await keep(`steps:${hash}`, "debug_traceBlockByHash", [hash, structLogger]);
    const lean = { ...structLogger, disableStack: true };
    await keep(`lean:${hash}`, "debug_traceBlockByHash", [hash, lean]);
  }
  file.end();
  await finished(file);
  const recording: Recording = {
    clientVersion: String(await callNode(url, "web3_clientVersion")),
    chainId: String(await callNode(url, "eth_chainId")),
    nodeInfo: await callNode(url, "anvil_nodeInfo").catch(() => null),
    head,
    blocks,
    answers,
  };
  await writeFile(join(folder, "recording.json"), JSON.stringify(recording));
}

/** The bytes of `result`, as the node wrote them. */
async function askRaw(url: string, method: string, params: readonly unknown[]): Promise<Buffer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const key = Buffer.from('"result":');
  const start = body.indexOf(key);
  const end = body.lastIndexOf("}");
  // anvil's traces of a block hold the error of a transaction in the place of its result.
  if (body.subarray(0, 300).includes('"error":"Resource not found"')) {
    throw new Error(`${method}: the node has no state of that block any more`);
  }
  if (start < 0 || start > 100) throw new Error(`${method}: ${body.toString().slice(0, 200)}`);
  return body.subarray(start + key.length, end);
}
