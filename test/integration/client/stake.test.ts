import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../../src/dev/project-root.ts";
import { newCodecKey } from "../../../src/dev/staking/staking-env.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { type StakingStack, startStakingStack } from "../staking/staking-stack.ts";
import { type ClientAnswer, runLine } from "./client-env.ts";

let stack: StakingStack;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-stake-client-"));
  stack = await startStakingStack();
  await Promise.all([stack.startWorker("stake"), stack.startWorker("sign")]);
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const client = (line: string): Promise<ClientAnswer> => runLine(line, stack.env);
const newStake = () =>
  stack.nextUser().signStake({ target: stack.chain.targets[0], dipAmount: 10n * oneDip });

async function toFile(call: StakeCall, change: object = {}): Promise<string> {
  const { owner, target: targetNftId, signatureId, signature } = call;
  const shared = { owner, targetNftId, signatureId, signature };
  const own = call.kind === "stake" ? { dipAmount: call.dipAmount } : { stakeNftId: call.stakeId };
  const path = join(folder, `${signature.slice(2, 12)}.json`);
  await writeFile(path, JSON.stringify({ ...shared, ...own, ...change }));
  return path;
}

/** A request is told to have ended a moment before its workflow has, which still takes the cancellation then. */
const cancelEnded = (id: string) =>
  waitUntil(
    async () => {
      const answer = await client(`stake cancel ${id}`);
      return !answer.out.includes("is asked to end") && answer;
    },
    { what: `the workflow of ${id} to have ended` },
  );

/** A look that takes more than two seconds says that nobody answers. */
const looks = { interval: 500 };

const shows = ({ out, error }: ClientAnswer, call: StakeCall) =>
  (out + error).includes(call.signature.slice(2, 60));

describe("stake", () => {
  test("submit --wait says how it ended, and a restake of what came of it too", async () => {
    const user = stack.nextUser();
    const stake = await user.signStake({ target: stack.chain.targets[0], dipAmount: oneDip });
    const ended = await client(`stake submit --file ${await toFile(stake)} --wait --json`);
    expect(ended.exitCode).toBe(0);
    expect(ended.json).toMatchObject({ state: "succeeded", isFinal: true, owner: user.address });
    expect(shows(ended, stake)).toBe(false);
    const stakeId = String(ended.json["stakeId"]);
    const restake = await user.signRestake({ stakeId, target: stack.chain.targets[1] });
    const taken = await client(`stake submit --file ${await toFile(restake)}`);
    expect(taken.out).toMatch(/^Took 0x[0-9a-f]{64}; it is checking\.\n {2}Next: npm run client/);
    const [id = ""] = /0x[0-9a-f]{64}/.exec(taken.out) ?? [];
    const status = await client(`stake status ${id}`);
    expect(status.out).toContain(`restake of ${user.address} on ${stack.chain.targets[1]}`);
    expect((await client(`stake cancel ${id} --wait --json`)).json["state"]).toBe("cancelled");
  });

  test("submit takes fields too, and a request that is known is kept", async () => {
    const call = await newStake();
    if (call.kind !== "stake") throw new Error("not a stake");
    const line = `stake submit --owner ${call.owner} --target ${call.target} --amount ${call.dipAmount} --signature-id ${call.signatureId} --signature ${call.signature} --json`;
    const [first, second] = [await client(line), await client(line)];
    expect(first.json).toMatchObject({ isNew: true, state: "checking" });
    expect(second.json).toMatchObject({ isNew: false, id: first.json["id"] });
  });

  test("refuses what can never be served, and shows no signature", async () => {
    const call = await newStake();
    const wrong = await client(`stake submit --file ${await toFile(call, { dipAmount: "1" })}`);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.error).toContain("SIGNATURE_INVALID");
    const half = await client(`stake submit --file ${await toFile(call, { owner: 1 })}`);
    expect(half.exitCode).toBe(2);
    expect(half.error).toContain("owner must be an address");
    expect(shows(wrong, call) || shows(half, call)).toBe(false);
    const none = await client("stake submit --file /nonexistent");
    expect(none.exitCode).toBe(2);
    expect(none.error).toContain("the file /nonexistent cannot be read");
    const path = join(folder, "broken.json");
    await writeFile(path, `{"signature":"${call.signature}"`);
    const broken = await client(`stake submit --file ${path}`);
    expect(broken.exitCode).toBe(2);
    expect(shows(broken, call)).toBe(false);
  });

  test("submit --wait waits out a killed worker", async () => {
    const call = await newStake();
    await stack.kill("stake");
    const ending = client(`stake submit --file ${await toFile(call)} --wait --json`);
    await stack.startWorker("stake");
    const { exitCode, json } = await ending;
    expect({ exitCode, state: json["state"] }).toEqual({ exitCode: 0, state: "succeeded" });
  });

  test("cancel of what has ended shows the end, and exits 0 only where it was taken back", async () => {
    const poor = await stack
      .nextUser()
      .signStake({ target: stack.chain.targets[0], dipAmount: 1000n * oneDip });
    const { json } = await client(`stake submit --file ${await toFile(poor)} --json`);
    const id = String(json["id"]);
    expect((await client(`stake cancel ${id} --wait`)).exitCode).toBe(0);
    const again = await cancelEnded(id);
    expect(again.exitCode).toBe(0);
    expect(again.out).toMatch(/^There is nothing to take back: it has ended\.\nrequest +0x/);
    expect(again.out).toMatch(/state +cancelled, final/);
    const stands = await newStake();
    const ended = await client(`stake submit --file ${await toFile(stands)} --wait --json`);
    const endedId = String(ended.json["id"]);
    await cancelEnded(endedId);
    const late = await client(`stake cancel ${endedId} --json`);
    expect(late.exitCode).toBe(1);
    expect(late.json).toMatchObject({ state: "succeeded", isFinal: true });
  });

  test("status and cancel of what nobody handed in exit 2", async () => {
    const id = `0x${"1".repeat(64)}`;
    for (const command of ["status", "cancel"]) {
      const answer = await client(`stake ${command} ${id} --json`);
      expect(answer.exitCode).toBe(2);
      expect(answer.json).toMatchObject({ error: { name: "UnknownStakeRequestError" } });
      expect((await client(`stake ${command} 0x12`)).exitCode).toBe(2);
    }
  });

  test("works as a process of its own, with a request on stdin", async () => {
    const call = await newStake();
    const source = join(projectRoot, "src", "client.ts");
    const run = promisify(execFile)(
      process.execPath,
      ["--import", "tsx", source, "stake", "submit", "--file", "-", "--json"],
      { cwd: projectRoot, env: { ...process.env, ...stack.env } },
    );
    const { owner, target: targetNftId, signatureId, signature } = call;
    const dipAmount = call.kind === "stake" ? call.dipAmount : "";
    const body = { owner, targetNftId, dipAmount, signatureId, signature };
    run.child.stdin?.end(JSON.stringify(body));
    const { stdout } = await run;
    expect(JSON.parse(stdout)).toMatchObject({ isNew: true, state: "checking" });
  });
});

describe("signer", () => {
  test("tells a request in its queue why it stands still now", async () => {
    await stack.chain.rpc("evm_setIntervalMining", [0]);
    await client("signer pause");
    const { json } = await client(`stake submit --file ${await toFile(await newStake())} --json`);
    const show = () => client(`stake status ${String(json["id"])}`);
    const untilShown = (word: string) =>
      waitUntil(async () => (await show()).out.includes(word), {
        what: `the request to show ${word}`,
      });
    await untilShown("paused: the signer is paused");
    const balance = await stack.chain.rpc("eth_getBalance", [stack.chain.signer.address, "latest"]);
    await stack.chain.rpc("anvil_setBalance", [stack.chain.signer.address, "0x1"]);
    await client("signer resume");
    await untilShown("low_balance: the signer's balance is too low");
    await stack.chain.rpc("anvil_setBalance", [stack.chain.signer.address, balance]);
    await stack.chain.rpc("evm_setIntervalMining", [1]);
    await untilShown("succeeded, final");
  });

  test("is shown, paused, steered and resumed", async () => {
    expect((await client("signer start")).out).toContain("Runs already: signer/31337/0x");
    expect((await client("signer pause")).out).toContain("pauses: it gives no new nonce.");
    await expect
      .poll(async () => (await client("signer status")).out, looks)
      .toMatch(/state +paused/);
    const changed = await client(
      "signer set-policy --max-fee-per-gas 50000000000 --max-in-flight 8 --per-owner-per-day 3 --json",
    );
    expect(changed.json["policy"]).toMatchObject({
      maxFeePerGasWei: "50000000000",
      maxInFlight: 8,
      perOwnerPerDay: 3,
    });
    const free = await client("signer set-policy --per-owner-per-day any --json");
    expect(free.json["policy"]).toMatchObject({ maxInFlight: 8, perOwnerPerDay: null });
    expect((await client("signer set-policy")).exitCode).toBe(2);
    expect((await client("signer set-policy --max-in-flight 17")).exitCode).toBe(2);
    expect((await client("signer resume")).out).toContain("goes on.");
    expect((await client("signer bump")).out).toContain("raises the fees of");
    expect((await client("signer bump --nonce 9999")).out).toContain(
      "raises the fees of nothing: nonce 9999 was never given",
    );
    await expect
      .poll(async () => (await client("signer status --json")).json, looks)
      .toMatchObject({ address: stack.chain.signer.address, standsStill: null });
  });

  test("is not held up by a client with other keys than the workers have", async () => {
    const [own, other] = [stack.codecKey, newCodecKey("other")];
    const pause = (keys: string) =>
      runLine("signer pause", { ...stack.env, STAKING_CODEC_KEYS: keys });
    for (const keys of [other, `${other},${own}`]) {
      const refused = await pause(keys);
      expect(refused).toMatchObject({ exitCode: 2, out: "" });
      expect(refused.error).toContain("the workers have not the key that encrypts here");
    }
    expect((await pause(`${own},${other}`)).exitCode).toBe(0);
    expect((await client("signer resume")).exitCode).toBe(0);
    await expect
      .poll(async () => (await client("signer status --json")).json, looks)
      .toMatchObject({ standsStill: null });
    await expect
      .poll(() => runLine("status", { ...stack.env, STAKING_CODEC_KEYS: other }), looks)
      .toMatchObject({
        exitCode: 0,
        out: expect.stringMatching(/signer\/31337\/0x\w{6}… +other codec keys/),
      });
  });

  test("stands in status with who works for it", async () => {
    await expect
      .poll(async () => (await client("status")).out, looks)
      .toMatch(/signer\/31337\/0x\w{6}… +running/);
    const { out, exitCode } = await client("status");
    expect(exitCode).toBe(0);
    // A killed worker counts for up to 70 s more.
    expect(out).toMatch(/tx-31337 +workflows +[12]/);
    expect(out).toMatch(/signer-31337 +activities +1/);
    await expect
      .poll(async () => (await client("status --json")).json, looks)
      .toMatchObject({
        staking: { signer: { silence: null }, bridge: null, waitingFor: null },
      });
  });

  test("keeps its policy where another is configured: start, status and a new worker say so, and how to apply it", async () => {
    const change = { MAX_FEE_PER_GAS: "41000000000", STAKING_PER_OWNER_PER_DAY: "9" };
    const env = { ...stack.env, ...change };
    const started = await runLine("signer start", env);
    expect(started.exitCode).toBe(0);
    expect(started.out).toContain(
      "It keeps its policy: perOwnerPerDay is any, configured here: 9.",
    );
    const [, command = ""] =
      /Next: npm run client -- (signer set-policy .*)/.exec(started.out) ?? [];
    expect(command).toContain("--max-fee-per-gas 41000000000");
    const shown = await runLine("signer status", env);
    expect(shown.out).toMatch(/not as set +perOwnerPerDay is any, configured here: 9\n/);
    expect(shown.out).toContain(`npm run client -- ${command}\n`);
    const worker = await stack.startWorker("stake", change);
    await waitUntil(() => worker.output().includes(command), {
      what: "the worker to name the differences",
      process: worker,
    });
    expect((await runLine(command, env)).exitCode).toBe(0);
    expect((await runLine("signer start", env)).out).not.toContain("keeps its policy");
    expect((await runLine("signer status --json", env)).json["differences"]).toEqual([]);
  });

  test("stops when all that it sent is final, and can be started again", async () => {
    const deadline = Date.now() + 180_000;
    let stopped = await client("signer stop --json");
    expect(stopped.exitCode).toBe(0);
    while (stopped.json["stopped"] === false && Date.now() < deadline) {
      stopped = await client("signer stop --json");
      if (stopped.exitCode === 2) break;
    }
    const gone = await client("signer status");
    expect(gone.exitCode).toBe(2);
    expect(gone.error).toContain("npm run client -- signer start");
    expect((await client("signer start --json")).json).toMatchObject({ started: true });
  });
});

test("config check names what is in force and no secret", async () => {
  const env = {
    ...stack.env,
    REDIS_URL: "redis://:s3cret@redis:6379",
    CHAIN_RPC_URL: "http://n/s3cret",
    PROCESSOR_PRIVATE_KEY: stack.chain.signer.privateKey,
    ERROR_TIMEOUT: "30000",
  };
  for (const line of ["config check", "config check --json"]) {
    const { out, exitCode } = await runLine(line, env);
    expect(exitCode).toBe(0);
    expect(out).toContain(stack.chain.contracts.stakingAddress);
    expect(out).toContain("privateKey");
    expect(out).toContain("ERROR_TIMEOUT");
    expect(out).not.toContain("s3cret");
    expect(out).not.toContain(stack.chain.signer.privateKey.slice(2));
    expect(out).not.toContain(stack.codecKey.split(":")[1]);
  }
});
