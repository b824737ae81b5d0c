import { EventEmitter, once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startLoopbackServer } from "../../../src/dev/loopback-server.ts";

/** Hands a node's answers on, traces of steps one at a time and not too fast: so that a short chain has a middle. */
export type SlowNode = {
  readonly url: string;
  /** Milliseconds that each step trace takes from now on, also those that wait already. */
  readonly setPace: (milliseconds: number) => void;
  /** Answers no step trace until `letGo`. */
  readonly hold: () => void;
  readonly letGo: () => void;
  /** Answers no step trace of one block until the answer is called; those of others pass by. */
  readonly holdBlock: (blockHash: string) => () => void;
  readonly stop: () => Promise<void>;
};

export async function startSlowNode(targetUrl: string): Promise<SlowNode> {
  let paceMs = 0;
  let gate: Promise<void> = Promise.resolve();
  let letGo: (() => void) | null = null;
  let lastTurn: Promise<void> = Promise.resolve();
  const heldBlocks = new Map<string, Promise<unknown>>();
  const waitForTurn = async (body: string): Promise<void> => {
    for (const [blockHash, isLetGo] of heldBlocks) if (body.includes(blockHash)) await isLetGo;
    lastTurn = lastTurn.then(() => gate).then(() => sleep(paceMs));
    return lastTurn;
  };
  const server = await startLoopbackServer((incoming, outgoing) =>
    handOn({ targetUrl, waitForTurn }, incoming, outgoing),
  );
  return {
    url: server.url,
    setPace: (milliseconds) => {
      paceMs = milliseconds;
    },
    hold: () => {
      gate = new Promise((resolve) => {
        letGo = resolve;
      });
    },
    letGo: () => letGo?.(),
    holdBlock: (blockHash) => {
      const end = new EventEmitter();
      heldBlocks.set(blockHash, once(end, "let go"));
      return () => {
        heldBlocks.delete(blockHash);
        end.emit("let go");
      };
    },
    stop: () => {
      letGo?.();
      return server.stop();
    },
  };
}

async function handOn(
  node: { readonly targetUrl: string; readonly waitForTurn: (body: string) => Promise<void> },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const body = await text(incoming);
  const isStepTrace = body.includes("debug_traceBlock") && !body.includes("callTracer");
  if (isStepTrace) await node.waitForTurn(body);
  const answer = await ask(node.targetUrl, body);
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, outgoing);
}

function ask(url: string, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const call = request(url, { method: "POST", headers });
    call.once("response", resolve);
    call.once("error", reject);
    call.end(body);
  });
}
