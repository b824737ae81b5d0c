import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { WorkflowHandle } from "@temporalio/client";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { StakeRequestStatus } from "../../src/workflows/staking/request-shapes.ts";
import type { SignerStatus } from "../../src/workflows/staking/signer-shapes.ts";
import { modelCall } from "../support/model-chain.ts";
import {
  outcomeOf,
  type StakingDesk,
  type StakingEnv,
  startStakingEnv,
} from "../support/staking-env.ts";
import { untilQuery } from "../support/workflow-env.ts";

// Records what the replay tests run of the staking workflows: npx tsx test/replay/record-staking.ts [recordCalm …]
// Old files stay unless named again: a history that once ran in production must replay for ever.

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = fileURLToPath(new URL("staking-histories", import.meta.url));

async function save(env: StakingEnv, name: string, handle: WorkflowHandle): Promise<void> {
  const runs = [];
  const query = `WorkflowId = "${handle.workflowId}"`;
  for await (const { runId, startTime } of env.client.workflow.list({ query })) {
    runs.push({ runId, startTime });
  }
  runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  const kept = runs.length > 3 ? [...runs.slice(0, 2), ...runs.slice(-1)] : runs;
  for (const [index, { runId }] of kept.entries()) {
    const history = await env.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
    // Stacks hold the paths of the machine that recorded.
    const text = historyToJSON(history).replaceAll(root, "");
    await writeFile(`${folder}/${name}-${index + 1}.json`, `${text}\n`);
  }
  console.log(`${name}: ${kept.length} of ${runs.length} runs`);
}

const untilSigner = ({ signer }: StakingDesk, accept: (status: SignerStatus) => boolean) =>
  untilQuery<SignerStatus>(signer, "status", accept);

async function untilSent(desk: StakingDesk): Promise<void> {
  await untilSigner(desk, ({ slots }) => slots.at(-1)?.stage === "broadcast");
}

/** Two requests of a calm day, one of them waiting for its user; then the signer is stopped. */
async function recordCalm(env: StakingEnv): Promise<void> {
  const desk = await env.desk();
  desk.fake.chain.unready.add(modelCall(2).owner);
  const [first, second] = [await desk.ask(1), await desk.ask(2)];
  await untilQuery<StakeRequestStatus>(second, "status", ({ state }) => state === "waiting");
  desk.fake.chain.unready.clear();
  await Promise.all([outcomeOf(first), outcomeOf(second)]);
  await desk.signer.cancel();
  await desk.signer.result();
  await save(env, "signer-calm", desk.signer);
  await save(env, "request-calm", first);
  await save(env, "request-waiting", second);
}

/** Dropped, bumped, cancelled by a NOOP, paused and resumed, and bodies that say nothing. */
async function recordRepairs(env: StakingEnv): Promise<void> {
  const desk = await env.desk({ blockMs: null });
  const { fake } = desk;
  const signer = await desk.startSigner({ rebroadcastAfterMs: 500 });
  const bumped = await desk.ask(1);
  await untilSent(desk);
  fake.chain.drop();
  await waitUntil(() => fake.chain.pooled.length > 0, { what: "sent again" });
  await signer.executeUpdate("bump", { args: [{ nonce: 0 }] });
  await untilSigner(desk, ({ slots }) => slots[0]?.attempts === 2);
  await signer.signal("submit", "nonsense");
  await signer.executeUpdate("pause");
  const cancelled = await desk.ask(2);
  await untilQuery<StakeRequestStatus>(cancelled, "status", ({ state }) => state === "queued");
  await signer.executeUpdate("resume");
  await untilSigner(desk, ({ slots }) => slots.length === 2);
  await untilSent(desk);
  await cancelled.signal("cancel");
  await untilSigner(desk, ({ slots }) => slots[1]?.kind === "noop");
  fake.startMining();
  await Promise.all([outcomeOf(bumped), outcomeOf(cancelled)]);
  await signer.cancel();
  await signer.result();
  await save(env, "signer-repairs", signer);
  await save(env, "request-cancelled", cancelled);
}

/** A reorg, then a foreign transaction that takes a nonce. */
async function recordChain(env: StakingEnv): Promise<void> {
  const desk = await env.desk({ blockMs: null });
  const { fake, signer } = desk;
  fake.chain.finalityDepth = 4;
  const reorged = await desk.ask(1);
  await untilSent(desk);
  fake.chain.mine();
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "mined");
  fake.chain.reorg(2);
  await untilSigner(desk, ({ counts }) => counts.reorgs === 1);
  await untilSent(desk);
  fake.chain.mine();
  const robbed = await desk.ask(2);
  await untilSigner(desk, ({ slots }) => slots.length === 2);
  await untilSent(desk);
  fake.chain.mineForeign();
  await untilSigner(desk, ({ standsStill }) => standsStill === "foreign_nonce");
  fake.startMining();
  await Promise.all([outcomeOf(reorged), outcomeOf(robbed)]);
  await signer.cancel();
  await signer.result();
  await save(env, "signer-chain", signer);
  await save(env, "request-robbed", robbed);
}

/** Faults of the node and lost answers, over several runs. */
async function recordFaults(env: StakingEnv): Promise<void> {
  const desk = await env.desk();
  const { fake, signer } = desk;
  fake.lostBroadcasts = 7;
  fake.broken.add("checkRequest").add("recordTransactions");
  const first = await desk.ask(1);
  await untilQuery<StakeRequestStatus>(first, "status", ({ state }) => state === "waiting");
  fake.broken.clear();
  fake.chain.outOfGas.add(modelCall(2).signature);
  const others = await Promise.all([2, 3, 4, 5].map((number) => desk.ask(number)));
  await Promise.all([first, ...others].map(outcomeOf));
  await signer.cancel();
  await signer.result();
  await save(env, "signer-faults", signer);
  await save(env, "request-away", first);
}

/** Calls that the key's worker never signs, among others. */
async function recordRefusals(env: StakingEnv): Promise<void> {
  const desk = await env.desk();
  const { fake } = desk;
  const signer = await desk.startSigner({ rebroadcastAfterMs: 500 });
  for (const number of [1, 3]) fake.chain.unsignable.add(modelCall(number).signature);
  await signer.executeUpdate("pause");
  const requests = await Promise.all([1, 2, 3].map((number) => desk.ask(number)));
  await untilSigner(desk, ({ queued }) => queued === 3);
  await signer.executeUpdate("resume");
  await Promise.all(requests.map(outcomeOf));
  await signer.cancel();
  await signer.result();
  await save(env, "signer-refusals", signer);
  if (requests[0]) await save(env, "request-refused", requests[0]);
}

const recorders = { recordCalm, recordRepairs, recordChain, recordFaults, recordRefusals };
/** Those that are named as arguments, else all. */
const chosen = Object.entries(recorders).filter(
  ([name]) => process.argv.length < 3 || process.argv.includes(name),
);
await mkdir(folder, { recursive: true });
const env = await startStakingEnv({
  dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "80" },
});
try {
  for (const [, record] of chosen) await record(env);
} finally {
  await env.stop();
}
