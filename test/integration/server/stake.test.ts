import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { WorkflowNotFoundError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newCodecKey } from "../../../src/dev/staking/staking-env.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { requestIdOf } from "../../../src/staking/request-id.ts";
import { orderSigner, setSignerPolicy } from "../../../src/staking/signer-client.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { startTestTemporal } from "../../support/temporal.ts";
import { type StakingStack, startStakingStack } from "../staking/staking-stack.ts";
import { type Answer, hashOf, startTestServer, type TestServer } from "./server-env.ts";

const timeoutMs = 300_000;

let stack: StakingStack;
let server: TestServer;

beforeAll(async () => {
  stack = await startStakingStack({ users: 30 });
  await Promise.all([stack.startWorker("stake"), stack.startWorker("sign")]);
  server = await startTestServer(stack.env);
}, timeoutMs);
afterAll(async () => {
  await server?.stop();
  await stack?.stop();
});

/** A call as the reference's page words it. */
function toBody(call: StakeCall): Record<string, unknown> {
  const { owner, target: targetNftId, signatureId, signature } = call;
  const shared = { owner, targetNftId, signatureId, signature };
  return call.kind === "stake"
    ? { ...shared, dipAmount: call.dipAmount }
    : { ...shared, stakeNftId: call.stakeId };
}

const newStake = (target = stack.chain.targets[0]) =>
  stack.nextUser().signStake({ target, dipAmount: 10n * oneDip });

const post = (call: StakeCall, change: Record<string, unknown> = {}): Promise<Answer> =>
  server.call("POST", `/api/v1/${call.kind}`, { body: { ...toBody(call), ...change } });

const read = (id: unknown) => server.call("GET", `/api/v1/stake/${String(id)}`);

async function untilState(id: unknown, states: readonly string[]): Promise<Answer["json"]> {
  return waitUntil(
    async () => {
      const { json } = await read(id);
      return states.includes(String(json["state"])) ? json : undefined;
    },
    { what: `${String(id)} to be ${states.join(" or ")}`, everyMs: 200 },
  );
}

const countTransactions = async () =>
  Number(await stack.chain.rpc("eth_getTransactionCount", [stack.chain.signer.address, "latest"]));

/** Runs of a request's workflow that Temporal's list, which lags behind, has. */
async function countRuns(requestId: string): Promise<number> {
  const query = `WorkflowId = '${requestId}'`;
  const { count } = await stack.client.workflow.count(query);
  return count;
}

/** Whether a request's workflow was ever started, by Temporal itself. */
async function wasStarted(requestId: string): Promise<boolean> {
  try {
    await stack.client.workflow.getHandle(requestId).describe();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** All payloads of a history that the command line printed. */
const payloadsIn = (history: string) =>
  [...history.matchAll(/"data": "([^"]*)"/g)]
    .map(([, data = ""]) => Buffer.from(data, "base64").toString())
    .join("\n");

describe("a signed request by HTTP", () => {
  test(
    "is kept at once, and its status tells the truth to the end",
    async () => {
      const call = await newStake();
      const taken = await post(call);
      const id = requestIdOf(stack.chain.chainId, call).split("/")[2];
      expect(taken.status).toBe(202);
      expect(taken.json).toMatchObject({ id, state: "checking", statusUrl: `/api/v1/stake/${id}` });
      const end = await untilState(id, ["succeeded"]);
      expect(end).toMatchObject({
        kind: "stake",
        owner: call.owner,
        target: call.target,
        isFinal: true,
        reason: null,
      });
      const info = await stack.chain.contracts.stakeInfo(String(end["stakeId"]));
      expect(String(info.target)).toBe(call.target);
    },
    timeoutMs,
  );

  test(
    "36. handed in a hundred times at once is one workflow and one transaction",
    async () => {
      const call = await newStake();
      const before = await countTransactions();
      const answers = await Promise.all(Array.from({ length: 100 }, () => post(call)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      const ids = new Set(answers.map(({ json }) => json["id"]));
      expect(ids.size).toBe(1);
      await untilState([...ids][0], ["succeeded"]);
      expect((await post(call)).json).toMatchObject({ state: "succeeded" });
      expect(await countTransactions()).toBe(before + 1);
      const requestId = requestIdOf(stack.chain.chainId, call);
      await waitUntil(async () => (await countRuns(requestId)) > 0, { what: "the list" });
      expect(await countRuns(requestId)).toBe(1);
    },
    timeoutMs,
  );

  test("with v 0 or 1 is the same request as with 27 or 28", async () => {
    const call = await newStake();
    const v = Number.parseInt(call.signature.slice(-2), 16) - 27;
    const [one, other] = [
      await post(call),
      await post(call, { signature: `${call.signature.slice(0, -2)}0${v}` }),
    ];
    expect(other.status).toBe(202);
    expect(other.json["id"]).toBe(one.json["id"]);
  });

  test("that was taken is not another one: other fields with its signature are refused", async () => {
    const call = await newStake();
    await post(call);
    const other = await post(call, { dipAmount: "1", targetNftId: "7" });
    expect(other.status).toBe(409);
    expect(other.json).toMatchObject({
      type: "urn:blockloom:problem:signature-conflict",
      detail: "It differs in target, dipAmount.",
    });
  });

  describe("38. that can never be served is refused before anything is started", () => {
    const cases: readonly (readonly [
      string,
      (call: StakeCall) => Record<string, unknown>,
      number,
      string,
    ])[] = [
      ["without an owner", () => ({ owner: undefined }), 400, "owner"],
      ["with an owner that is no address", () => ({ owner: "0x1" }), 400, "owner must be"],
      ["with a field of another kind", () => ({ dipAmount: {} }), 400, "dipAmount"],
      ["with a field that nobody knows", () => ({ gas: 1 }), 400, "additional"],
      ["with 32 bytes of signatureId", () => ({ signatureId: "x".repeat(32) }), 400, "31 bytes"],
      ["with a compact signature", (c) => ({ signature: c.signature.slice(0, 130) }), 400, "64 b"],
      ["with no signature's text", () => ({ signature: "0xzz" }), 400, "hexadecimal"],
      ["with another amount than signed", () => ({ dipAmount: "11" }), 422, "signature"],
      ["of another owner", () => ({ owner: stack.chain.stranger.address }), 422, "signature"],
    ];
    test.each(cases)("%s", async (_, change, status, words) => {
      const call = await newStake();
      const logged = server.lines.length;
      const answer = await post(call, change(call));
      expect(answer.status).toBe(status);
      expect(answer.json["detail"]).toContain(words);
      expect(answer.text).not.toContain(call.signature.slice(2, 60));
      expect(await wasStarted(requestIdOf(stack.chain.chainId, call))).toBe(false);
      const lines = server.lines.slice(logged);
      expect(JSON.stringify(lines)).not.toContain(call.signature.slice(2, 60));
    });

    test(
      "a theft: a stake of somebody else",
      async () => {
        const owned = await newStake();
        const { stakeId } = await untilState((await post(owned)).json["id"], ["succeeded"]);
        const theft = await stack
          .nextUser()
          .signRestake({ stakeId: String(stakeId), target: stack.chain.targets[1] });
        const answer = await post(theft);
        expect(answer.status).toBe(422);
        expect(answer.json).toMatchObject({ reason: { code: "NOT_STAKE_OWNER" } });
        expect(await wasStarted(requestIdOf(stack.chain.chainId, theft))).toBe(false);
      },
      timeoutMs,
    );
  });

  test(
    "that waits for its user can be taken back, and handed in anew",
    async () => {
      const call = await stack.chain.stranger.signStake({
        target: stack.chain.targets[0],
        dipAmount: oneDip,
      });
      const { json } = await post(call);
      const waiting = await untilState(json["id"], ["waiting"]);
      expect(waiting).toMatchObject({ reason: { code: "DIP_BALANCE_INSUFFICIENT" } });
      const cancel = () => server.call("POST", `/api/v1/stake/${String(json["id"])}/cancel`);
      expect((await cancel()).status).toBe(202);
      await untilState(json["id"], ["cancelled"]);
      expect((await cancel()).json).toMatchObject({
        type: "urn:blockloom:problem:request-ended",
        status: 409,
        state: "cancelled",
      });
      const again = await post(call);
      expect(again).toMatchObject({ status: 202, json: { id: json["id"], state: "checking" } });
      await untilState(json["id"], ["waiting"]);
      await cancel();
    },
    timeoutMs,
  );

  test(
    "keeps its answer when Temporal no longer has the workflow",
    async () => {
      const call = await newStake();
      const { json } = await post(call);
      const end = await untilState(json["id"], ["succeeded"]);
      // What retention leaves in the end: a Temporal that knows nothing of it.
      const empty = await startTestTemporal();
      const later = await startTestServer({ ...stack.env, TEMPORAL_ADDRESS: empty.address });
      try {
        const kept = await waitUntil(
          async () => {
            const answer = await later.call("GET", `/api/v1/stake/${String(json["id"])}`);
            return answer.json["isFinal"] === true ? answer.json : undefined;
          },
          { what: "the end to be written" },
        );
        expect(kept).toEqual(end);
      } finally {
        await Promise.all([later.stop(), empty.stop()]);
      }
    },
    timeoutMs,
  );

  test(
    "can be read with Temporal's own command line through the codec, and not without it",
    async () => {
      const call = await newStake();
      const { json } = await post(call);
      const show = (...more: string[]) =>
        promisify(execFile)(stack.temporal.cli, [
          "workflow",
          "show",
          "--output=json",
          `--address=${stack.temporal.address}`,
          `--workflow-id=${requestIdOf(stack.chain.chainId, call)}`,
          ...more,
        ]);
      await untilState(json["id"], ["succeeded"]);
      const decoded = await show(`--codec-endpoint=${server.url}/codec`);
      expect(payloadsIn(decoded.stdout)).toContain(call.signature);
      const raw = await show();
      expect(payloadsIn(raw.stdout)).not.toContain(call.signature.slice(2, 60));
    },
    timeoutMs,
  );

  test.each(["0x12", `0x${"1".repeat(64)}`, "stake%2F31337%2F0x11", "__proto__"])(
    "that was never handed in (%s) is unknown",
    async (id) => {
      for (const [method, path] of [
        ["GET", ""],
        ["POST", "/cancel"],
      ] as const) {
        const answer = await server.call(method, `/api/v1/stake/${id}${path}`);
        expect(answer.status).toBe(404);
        expect(answer.json["type"]).toBe("urn:blockloom:problem:unknown-request");
      }
    },
  );

  test(
    "that waits in the signer's queue tells why it stands still now",
    async () => {
      const { chainId, signer } = stack.chain;
      const name = { chainId, address: signer.address };
      await orderSigner(stack.client, name, "pause");
      const { json } = await post(await newStake());
      const untilReason = (code: string) =>
        waitUntil(
          async () => JSON.stringify((await read(json["id"])).json["reason"])?.includes(code),
          { what: `the reason ${code}` },
        );
      await untilReason("paused");
      await stack.chain.rpc("evm_setIntervalMining", [0]);
      const balance = await stack.chain.rpc("eth_getBalance", [signer.address, "latest"]);
      await stack.chain.rpc("anvil_setBalance", [signer.address, "0x1"]);
      try {
        await orderSigner(stack.client, name, "resume");
        await untilReason("low_balance");
      } finally {
        await stack.chain.rpc("anvil_setBalance", [signer.address, balance]);
        await stack.chain.rpc("evm_setIntervalMining", [1]);
      }
      expect(await untilState(json["id"], ["succeeded"])).toMatchObject({ reason: null });
    },
    timeoutMs,
  );

  test(
    "44. is asked to come again while the signer's queue is full, and a known one is still answered",
    async () => {
      const { chainId, signer } = stack.chain;
      const name = { chainId, address: signer.address };
      await orderSigner(stack.client, name, "pause");
      await setSignerPolicy(stack.client, name, { queueLimit: 2 });
      try {
        const queued = [await newStake(), await newStake()];
        for (const call of queued) {
          const { json } = await post(call);
          await untilState(json["id"], ["queued"]);
        }
        // Never taken, so that the look may be repeated until the server has heard of the queue.
        const hopeless = await stack
          .nextUser()
          .signRestake({ stakeId: "12345", target: stack.chain.targets[1] });
        await waitUntil(async () => (await post(hopeless)).status === 429, {
          what: "the queue to be full",
        });
        const refused = await newStake();
        const full = await post(refused);
        expect(full.status).toBe(429);
        expect(full.json["type"]).toBe("urn:blockloom:problem:queue-full");
        expect(full.headers.get("retry-after")).toBe("30");
        expect((await post(queued[0] ?? refused)).status).toBe(202);
        expect(await wasStarted(requestIdOf(chainId, refused))).toBe(false);
      } finally {
        await setSignerPolicy(stack.client, name, { queueLimit: 1000 });
        await orderSigner(stack.client, name, "resume");
      }
    },
    timeoutMs,
  );

  test("needs the scope stake where there are tokens, for reading too", async () => {
    const guarded = await startTestServer({
      ...stack.env,
      API_TOKENS: `reader:read+queue:${hashOf("r")},desk:stake:${hashOf("d")}`,
    });
    try {
      const call = await newStake();
      const path = `/api/v1/stake/${requestIdOf(stack.chain.chainId, call).split("/")[2]}`;
      for (const [method, url, body] of [
        ["POST", "/api/v1/stake", toBody(call)],
        ["POST", "/api/v1/restake", toBody(call)],
        ["GET", path, undefined],
        ["POST", `${path}/cancel`, undefined],
        ["POST", "/codec/decode", { payloads: [] }],
      ] as const) {
        expect((await guarded.call(method, url, { body })).status, url).toBe(401);
        expect((await guarded.call(method, url, { body, token: "r" })).status, url).toBe(403);
      }
      const taken = await guarded.call("POST", "/api/v1/stake", { body: toBody(call), token: "d" });
      expect(taken.status).toBe(202);
      const line = guarded.lines.find(({ message }) => message === "Took a staking request");
      expect(line?.meta).toMatchObject({ actor: "api:desk", owner: call.owner });
      expect(JSON.stringify(guarded.lines)).not.toContain(call.signature.slice(2, 60));
    } finally {
      await guarded.stop();
    }
  });

  test("is 503 while Temporal is away or no contract is there, and 502 while the node is away", async () => {
    const call = await newStake();
    const body = toBody(call);
    const nowhere = "127.0.0.1:1";
    const away = await startTestServer({ ...stack.env, TEMPORAL_ADDRESS: nowhere });
    const blind = await startTestServer({ ...stack.env, CHAIN_RPC_URL: `http://${nowhere}` });
    const lost = await startTestServer({ ...stack.env, STAKING_ADDRESS: call.owner });
    try {
      const noTemporal = await away.call("POST", "/api/v1/stake", { body });
      expect(noTemporal.status).toBe(503);
      expect(noTemporal.json["type"]).toBe("urn:blockloom:problem:temporal-unavailable");
      const noNode = await blind.call("POST", "/api/v1/stake", { body });
      expect(noNode.status).toBe(502);
      expect(noNode.json["type"]).toBe("urn:blockloom:problem:node-unavailable");
      const noContract = await lost.call("POST", "/api/v1/stake", { body });
      expect(noContract.status).toBe(503);
      expect(noContract.json["type"]).toBe("urn:blockloom:problem:configuration");
    } finally {
      await Promise.all([away.stop(), blind.stop(), lost.stop()]);
    }
  });
});

test(
  "a server with another key than the worker's says so, and shows nothing",
  async () => {
    const call = await newStake();
    const { json } = await post(call);
    await untilState(json["id"], ["succeeded"]);
    const other = await startTestServer({ ...stack.env, STAKING_CODEC_KEYS: newCodecKey("other") });
    try {
      const answer = await other.call("GET", `/api/v1/stake/${String(json["id"])}`);
      expect(answer.status).toBe(503);
      expect(answer.json).toMatchObject({
        type: "urn:blockloom:problem:configuration",
        detail: expect.stringContaining("key id: test"),
        fix: expect.stringContaining("STAKING_CODEC_KEYS"),
      });
    } finally {
      await other.stop();
    }
  },
  timeoutMs,
);

test("no line of the log holds a signature, whatever became of its request", () => {
  const text = JSON.stringify(server.lines);
  expect(text).toContain("Took a staking request");
  expect(text).not.toMatch(/[0-9a-f]{100}/i);
});
