import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { backfill, startTestStack, type TestStack } from "../stack/stack.ts";

const network = "over-http";
let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ blocks: 40 });
});
afterAll(() => stack?.stop());

type Block = { rows: { attemptId: string; generation: number; actor: string; proof: string }[] };

test("blocks requeued over HTTP have new rows that are proven, also where the server is killed in between", async () => {
  await stack.startWorker(network);
  const job = await backfill(stack, network);
  expect(await job.result()).toMatchObject({ failed: 0 });
  const { first, head } = stack.chain;

  let server = await stack.startServer(network);
  const read = async <Answer>(path: string) => {
    const answer: Answer = JSON.parse(await (await fetch(`${server.url}${path}`)).text());
    return answer;
  };
  const readHead = async () => (await read<Block>(`/api/v1/blocks/${head}`)).rows[0];
  const before = await waitUntil(readHead, { what: "the block's first attempt" });
  const queued = await fetch(`${server.url}/api/v1/queue/blocks/structlog`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ blocks: [`${first}-${head}`], reason: "over HTTP" }),
  });
  expect(queued.status).toBe(200);
  await server.kill();

  server = await stack.startServer(network);
  const after = await waitUntil(
    async () => {
      const row = await readHead();
      return row?.attemptId === before.attemptId ? undefined : row;
    },
    { what: "a new attempt" },
  );
  expect(after).toMatchObject({ generation: 1, actor: "api", proof: "proven" });
  const window = `from=${first}&to=${head}&verify=true`;
  const coverage = await waitUntil(
    async () => {
      const answer = await read<{ processors?: unknown }>(`/api/v1/coverage?${window}`);
      return answer.processors !== undefined && answer;
    },
    { what: "an answer" },
  );
  expect(coverage).toMatchObject({
    processors: [
      { processor: "structlog", proven: true, duplicates: 0 },
      { processor: "structlog_agg", proven: false },
      { processor: "transaction", proven: true },
    ],
  });
});
