import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stakeWorkflowIds } from "../../../src/workflows/staking/messages.ts";
import type { StakeActivities } from "../../../src/workflows/staking/stake-activities.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { type Books, closeBooks, openBooks } from "./books.ts";
import { countActivity, untilActivity } from "./kill-points.ts";
import { type Role, type StakingStack, startStakingStack } from "./staking-stack.ts";

let stack: StakingStack;

beforeAll(async () => {
  stack = await startStakingStack();
  await Promise.all([stack.startWorker("stake"), stack.startWorker("sign")]);
  // The signer runs and knows its account before the first kill.
  await settle(await submitOne());
});
afterAll(() => stack.stop());

/** SIGKILL at one point of a request's way; then another worker, and the request has its one transaction. */
type Case = {
  readonly name: string;
  readonly role: Role;
  /** Prepares the point before the request is handed in; resolves when the process stands there. */
  readonly reach: () => Promise<{ readonly reached: Promise<unknown>; readonly after: () => void }>;
};

/** The activity waits for the node and has done nothing yet. */
function heldAtNode(method: string, where: "before" | "after"): Case["reach"] {
  return async () => {
    const held = stack.gate.hold(method, where);
    return { reached: held.reached, after: held.drop };
  };
}

/** The activity is done, and its worker's word of it does not arrive. */
function keptFromHistory(method: string, skip = 0): Case["reach"] {
  return async () => {
    const held = stack.gate.hold(method, "before", skip);
    const keep = async () => {
      await held.reached;
      stack.links.stake.stall();
      held.release();
      await stack.links.stake.untilKept(200);
    };
    return { reached: keep(), after: stack.links.stake.lose };
  };
}

/** The activity's end has just come into history. */
function recorded(name: keyof StakeActivities): Case["reach"] {
  return async () => {
    const { completed } = await countActivity(stack.client, signerId(), name);
    const kind = "completed" as const;
    const reached = untilActivity(stack.client, signerId(), name, { kind, moreThan: completed });
    return { reached, after: () => {} };
  };
}

const cases: readonly Case[] = [
  {
    name: "6. before prepare has asked the node",
    role: "stake",
    reach: heldAtPrepare("before"),
  },
  {
    name: "7. after prepare, before its record",
    role: "stake",
    reach: keptFromHistory("eth_estimateGas", 1),
  },
  { name: "8. at the record of prepare", role: "stake", reach: recorded("prepareCalls") },
  { name: "9. before sign", role: "sign", reach: signStopped() },
  { name: "10. after sign, before its record", role: "sign", reach: signKept() },
  { name: "11. at the record of sign", role: "sign", reach: recorded("signTransactions") },
  {
    name: "12. before broadcast: signed and recorded, not sent",
    role: "stake",
    reach: heldAtNode("eth_sendRawTransaction", "before"),
  },
  {
    name: "13. after broadcast, before its record: the node has it and nobody heard its answer",
    role: "stake",
    reach: heldAtNode("eth_sendRawTransaction", "after"),
  },
  {
    name: "13b. after broadcast, before its record: the worker heard the answer and could not say so",
    role: "stake",
    reach: keptFromHistory("eth_sendRawTransaction"),
  },
  {
    name: "14. at the record of broadcast",
    role: "stake",
    reach: recorded("broadcastTransactions"),
  },
  {
    name: "15. before watch has read the receipt",
    role: "stake",
    reach: heldAtNode("eth_getTransactionReceipt", "before"),
  },
  {
    name: "16. after watch has read the receipt, before its record",
    role: "stake",
    reach: keptFromHistory("eth_getTransactionReceipt"),
  },
  { name: "17. at the record of watch", role: "stake", reach: recorded("readReceipts") },
];

describe("SIGKILL, and another worker: one transaction, the next nonce, the gas of one", () => {
  test.each(cases)(
    "$name",
    async ({ role, reach }) => {
      const books = await openBooks(stack);
      const { reached, after } = await reach();
      const requestId = await submitOne();
      await reached;
      await stack.kill(role);
      after();
      await stack.startWorker(role);
      await settle(requestId, books);
    },
    400_000,
  );
});

/** The first look at the account belongs to the request's own check; the next is prepare's. */
function heldAtPrepare(where: "before" | "after"): Case["reach"] {
  return async () => {
    const { completed } = await countActivity(stack.client, signerId(), "prepareCalls");
    // Nothing of a signature leaves the worker between the two: the estimates are counted by their order.
    const held = stack.gate.hold("eth_estimateGas", where, 1);
    const check = async () => {
      await held.reached;
      const now = await countActivity(stack.client, signerId(), "prepareCalls");
      expect(now).toEqual({ scheduled: completed + 1, completed });
    };
    return { reached: check(), after: held.drop };
  };
}

/** The signing process stands still while the task comes. */
function signStopped(): Case["reach"] {
  return async () => {
    const { scheduled } = await countActivity(stack.client, signerId(), "signTransactions");
    for (const { pid } of stack.running("sign")) process.kill(pid, "SIGSTOP");
    const reached = untilActivity(stack.client, signerId(), "signTransactions", {
      kind: "scheduled",
      moreThan: scheduled,
    });
    return { reached, after: () => {} };
  };
}

/** What leaves the signing process then can only be the signed bytes: a transaction is 400 of them. */
function signKept(): Case["reach"] {
  return async () => {
    stack.links.sign.stall();
    return { reached: stack.links.sign.untilKept(600), after: stack.links.sign.lose };
  };
}

function signerId(): string {
  return stakeWorkflowIds.signer(stack.chain.chainId, stack.chain.signer.address);
}

async function submitOne(): Promise<string> {
  const user = stack.nextUser();
  const [target] = stack.chain.targets;
  return stack.submit(await user.signStake({ target, dipAmount: oneDip }));
}

async function settle(requestId: string, books?: Books): Promise<void> {
  expect(await stack.untilFinal(requestId)).toMatchObject({ state: "succeeded", reason: null });
  if (books)
    expect(await closeBooks(stack, books)).toEqual({
      reverted: 0,
      transactions: 1,
      nonces: 1,
      unexplainedWei: 0n,
    });
}
