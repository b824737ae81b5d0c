import { afterAll, beforeAll, expect, test } from "vitest";
import { oneDip } from "../../support/staking-chain.ts";
import { closeBooks, openBooks } from "./books.ts";
import { type StakingStack, startStakingStack } from "./staking-stack.ts";

let stack: StakingStack;
beforeAll(async () => {
  stack = await startStakingStack();
  await Promise.all([stack.startWorker("stake"), stack.startWorker("sign")]);
});
afterAll(() => stack.stop());

async function submitOne(): Promise<string> {
  const [target] = stack.chain.targets;
  return stack.submit(await stack.nextUser().signStake({ target, dipAmount: oneDip }));
}

test("19. of two workers one is stopped with a transaction in its hands and sends it late: it is the same transaction", async () => {
  const books = await openBooks(stack);
  const [zombie] = stack.running("stake");
  if (zombie === undefined) throw new Error("no worker runs");
  const held = stack.gate.hold("eth_sendRawTransaction", "before");
  const requestId = await submitOne();
  await held.reached;
  process.kill(zombie.pid, "SIGSTOP");
  await stack.startWorker("stake");
  expect(await stack.untilFinal(requestId)).toMatchObject({ state: "succeeded" });

  // The bytes that stood at the gate reach the node only now; then the zombie wakes up and reports what it did.
  held.release();
  process.kill(zombie.pid, "SIGCONT");
  const next = await submitOne();
  expect(await stack.untilFinal(next)).toMatchObject({ state: "succeeded" });
  expect(await closeBooks(stack, books)).toEqual({
    transactions: 2,
    reverted: 0,
    nonces: 2,
    unexplainedWei: 0n,
  });
}, 600_000);

test("25. a node that is away for 60 s delays requests in every stage, and loses none", async () => {
  const books = await openBooks(stack);
  const before = await submitOne();
  await stack.untilFinal(before);
  const inFlight = await submitOne();
  const until = Date.now() + 60_000;
  await stack.gate.outage(true);
  const meanwhile = await submitOne();
  expect(await stack.requestStatus(meanwhile)).toMatchObject({ isFinal: false });
  await new Promise((resolve) => setTimeout(resolve, until - Date.now()));
  await stack.gate.outage(false);
  for (const id of [inFlight, meanwhile]) {
    expect(await stack.untilFinal(id, 300_000)).toMatchObject({ state: "succeeded" });
  }
  expect(await closeBooks(stack, books)).toEqual({
    transactions: 3,
    reverted: 0,
    nonces: 3,
    unexplainedWei: 0n,
  });
  expect(stack.running("stake").length + stack.running("sign").length).toBeGreaterThan(1);
}, 900_000);
