import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Recording } from "../support/recorded-chain.ts";

// A node that answers from disk what a real one answered before: `served-node.ts FOLDER [MILLISECONDS]`, prints
// `listening PORT`. With milliseconds, the steps of a block take so long, evenly: the pace of a node that traces.

type Call = { readonly id: number; readonly method: string; readonly params: readonly unknown[] };
type Answer = Buffer | { readonly offset: number; readonly length: number };

/** Larger answers are streamed from the file, as a node sends them. */
const wholeBytes = 256 * 1024;

const folder = process.argv[2] ?? "";
const stepsMs = Number(process.argv[3] ?? 0);
const recording: Recording = JSON.parse(await readFile(join(folder, "recording.json"), "utf8"));
const file = await open(join(folder, "answers.bin"));
const { size } = await file.stat();
/** A small chain is held in memory whole: reading it piece by piece would cost more than answering. */
const whole = size < 128 * 1024 * 1024 ? await readFile(join(folder, "answers.bin")) : null;
const numberOf = new Map(recording.blocks.map(({ hash }, number) => [hash, number]));

const literal = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

async function recorded(key: string): Promise<Answer> {
  const place = recording.answers[key];
  if (!place) return literal(null);
  const [offset, length] = place;
  if (whole) return whole.subarray(offset, offset + length);
  if (length > wholeBytes) return { offset, length };
  const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: offset });
  return buffer;
}

async function answer({ method, params }: Call): Promise<Answer> {
  const [first, second] = params;
  switch (method) {
    case "eth_getBlockByNumber":
      return recorded(`block:${isNaN(Number(first)) ? recording.head : Number(first)}`);
    case "eth_getBlockByHash":
      return recorded(`block:${numberOf.get(String(first))}`);
    case "eth_getBlockReceipts":
      return recorded(`receipts:${String(first)}`);
    case "debug_traceBlockByHash":
      return recorded(`${formOf(second)}:${String(first)}`);
    case "debug_traceTransaction":
      // A worker asks for both tracers before it uses a node, and looks only at the shape.
      return formOf(second) === "calls"
        ? literal({
            type: "CALL",
            from: `0x${"0".repeat(40)}`,
            gas: "0x0",
            gasUsed: "0x0",
            input: "0x",
          })
        : literal({ gas: 0, failed: false, returnValue: "0x", structLogs: [{ pc: 0 }] });
    case "eth_feeHistory":
      return feeHistory(Number(first), Number(second));
    case "eth_getCode":
      return literal("0x60");
    case "web3_clientVersion":
      return literal(recording.clientVersion);
    case "eth_chainId":
      return literal(recording.chainId);
    case "eth_blockNumber":
      return literal(`0x${recording.head.toString(16)}`);
    case "anvil_nodeInfo":
      return literal(recording.nodeInfo);
    default:
      return literal(null);
  }
}

function formOf(options: unknown): "calls" | "steps" | "lean" {
  if (typeof options !== "object" || options === null) return "steps";
  if ("tracer" in options) return "calls";
  return "disableStack" in options && options.disableStack === true ? "lean" : "steps";
}

function feeHistory(count: number, newest: number): Buffer {
  const blocks = recording.blocks.slice(Math.max(0, newest - count + 1), newest + 1);
  return literal({ gasUsedRatio: blocks.map(({ gasUsedRatio }) => gasUsedRatio) });
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const asked: Call | readonly Call[] = JSON.parse(Buffer.concat(parts).toString());
  response.setHeader("content-type", "application/json");
  if ("method" in asked) {
    await send(response, asked);
  } else {
    response.write("[");
    for (const [position, call] of asked.entries()) {
      if (position > 0) response.write(",");
      await send(response, call);
    }
    response.write("]");
  }
  response.end();
}

async function send(response: ServerResponse, call: Call): Promise<void> {
  const found = await answer(call);
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${call.id},"result":`);
  if (Buffer.isBuffer(found)) {
    response.write(Buffer.concat([head, found, Buffer.from("}")]));
    return;
  }
  response.write(head);
  const isPaced = stepsMs > 0 && call.method === "debug_traceBlockByHash";
  const pieceMs = (stepsMs * wholeBytes) / found.length;
  for (let sent = 0; sent < found.length; sent += wholeBytes) {
    if (isPaced) await sleep(pieceMs);
    const length = Math.min(wholeBytes, found.length - sent);
    const { buffer } = await file.read({
      buffer: Buffer.allocUnsafe(length),
      position: found.offset + sent,
    });
    if (!response.write(buffer))
      await Promise.race([once(response, "drain"), once(response, "close")]);
    if (response.destroyed) return;
  }
  response.write("}");
}

const server = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
console.log(`listening ${typeof address === "object" ? address?.port : ""}`);
