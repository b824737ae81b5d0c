import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Fault, FaultPlan } from "./fault-plan.ts";

const traceAnswer = z.looseObject({
  result: z.array(z.looseObject({ result: z.looseObject({ structLogs: z.array(z.unknown()) }) })),
});
type TraceAnswer = z.infer<typeof traceAnswer>;

/** A step trace that is to go wrong. */
type WrongTrace = {
  readonly fault: Fault;
  /** Which block was asked for, and the whole request. */
  readonly block: string;
  readonly id: unknown;
  readonly body: string;
  /** Asks the node; the answer's body is not read yet. */
  readonly ask: (body: string) => Promise<IncomingMessage>;
  readonly outgoing: ServerResponse;
  readonly plan: FaultPlan;
};

const json = { "content-type": "application/json" };

/** Answers a step trace as a node does that has the fault. */
export async function answerWrongly(wrong: WrongTrace): Promise<void> {
  const { fault, block, id, body, ask, outgoing, plan } = wrong;
  switch (fault) {
    case "hang":
      return;
    case "tooManyRequests":
      outgoing.writeHead(429, { "retry-after": "1" }).end("too many requests");
      return;
    case "tooManyRequestsBare":
      outgoing.writeHead(429).end("too many requests");
      return;
    case "unavailable":
      outgoing.writeHead(503).end("service unavailable");
      return;
    case "garbage":
      outgoing.writeHead(200, json).end('{"jsonrpc":"2.0","id":1,"result":[{"result":{"gas":]]]');
      return;
    case "refused": {
      const error = { code: -32_000, message: "injected fault: the trace is refused" };
      outgoing.writeHead(200, json).end(JSON.stringify({ jsonrpc: "2.0", id, error }));
      return;
    }
    case "wrongBlock": {
      const other = body.replace(block, plan.otherThan(block) ?? block);
      await pipeline(await ask(other), outgoing.writeHead(200, json));
      return;
    }
    case "drip": {
      const content = await text(await ask(body));
      outgoing.writeHead(200, json);
      await pipeline(dripped(content), outgoing);
      return;
    }
    case "cut": {
      const content = await text(await ask(body));
      outgoing.writeHead(200, { ...json, "content-length": Buffer.byteLength(content) });
      outgoing.write(content.slice(0, content.length / 2), () => outgoing.destroy());
      return;
    }
    case "short":
    case "empty": {
      const answer = traceAnswer.parse(JSON.parse(await text(await ask(body))));
      (fault === "short" ? dropTail : dropAll)(answer);
      outgoing.writeHead(200, json).end(JSON.stringify(answer));
      return;
    }
  }
}

const drops = 20;
const dropEveryMs = 100;

async function* dripped(content: string): AsyncGenerator<string> {
  const size = Math.ceil(content.length / drops);
  for (let start = 0; start < content.length; start += size) {
    yield content.slice(start, start + size);
    await sleep(dropEveryMs);
  }
}

/** Takes the last tenth of the steps away from the longest trace, as a node that hit a limit does. */
function dropTail(answer: TraceAnswer): void {
  const longest = answer.result.toSorted(
    (a, b) => b.result.structLogs.length - a.result.structLogs.length,
  )[0]?.result;
  if (longest) longest.structLogs.length -= Math.ceil(longest.structLogs.length / 10);
}

function dropAll(answer: TraceAnswer): void {
  for (const { result } of answer.result) result.structLogs.length = 0;
}
