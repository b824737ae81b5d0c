import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { StakeCallFields } from "../../domain/staking/parse-stake-call.ts";
import { standingWords } from "../../domain/staking/standing.ts";
import {
  AppError,
  JobNotRunningError,
  RequestRefusedError,
  UnknownStakeRequestError,
} from "../../errors.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import type { Submission } from "../../staking/submit-call.ts";
import { stakeWorkflowIds } from "../../workflows/staking/messages.ts";
import type { StakeRequestStatus } from "../../workflows/staking/request-shapes.ts";
import { actorName, type CommandContext } from "../context.ts";
import { type ExitCode, exitCodes, type Outcome } from "../outcome.ts";
import { formatNext } from "../views/next-steps.ts";
import { formatRequest, formatTaken, hashOf } from "../views/stake-view.ts";
import { type Act, addExamples } from "./act.ts";

const lookIntervalMs = 500;

type SubmitOptions = {
  readonly file?: string;
  readonly owner?: string;
  readonly target?: string;
  readonly amount?: string;
  readonly stake?: string;
  readonly signatureId?: string;
  readonly signature?: string;
  readonly wait?: true;
};

export function addStake(program: Command, act: Act): void {
  const stake = program
    .command("stake")
    .description("requests of users who sign and pay no gas (docs/staking.md)");
  stake
    .command("submit")
    .description("hand a signed request in; one that is known already is kept")
    .option("--file <path>", "JSON with the fields of POST /api/v1/stake or restake; - is stdin")
    .option("--owner <address>", "who signed")
    .option("--target <nft>", "NFT id of the (new) bundle")
    .option("--amount <dip>", "of a stake: DIP in its smallest unit")
    .option("--stake <nft>", "of a restake: NFT id of the stake that moves")
    .option("--signature-id <text>", "1 to 31 bytes of text, or the bytes32 made of it")
    .option("--signature <hex>", "65 bytes; others on this machine can read a command line")
    .option("--wait", "until it has ended; exit 1 unless the stake stands")
    .action((options: SubmitOptions) => act((context) => submit(context, options)));
  stake
    .command("status")
    .description("where a request stands, and why")
    .argument("<id>", "0x and 64 digits, as submit names it")
    .option("--wait", "until it has ended; exit 1 unless the stake stands")
    .action((id: string, { wait }: { wait?: true }) =>
      act((context) => showStatus(context, id, wait === true)),
    );
  stake
    .command("cancel")
    .description("take a request back; once it is broadcast, the chain decides who was first")
    .argument("<id>")
    .option("--wait", "until it has ended; exit 1 unless it was cancelled")
    .action((id: string, { wait }: { wait?: true }) =>
      act((context) => cancel(context, id, wait === true)),
    );
  addExamples(
    stake,
    "stake submit --file request.json --wait",
    "stake status 0x5c0… --json",
    "stake cancel 0x5c0…",
  );
}

async function submit(context: CommandContext, options: SubmitOptions): Promise<Outcome> {
  const fields = readFields(options);
  const desk = await context.staking();
  const { submitCall } = await import("../../staking/submit-call.ts");
  const submission = await submitCall(desk, fields, { source: "client", actor: actorName() });
  if (submission.kind !== "taken") throw refusalOf(submission);
  const { requestId, isNew, state } = submission;
  if (options.wait) return waitForEnd(context, desk, requestId);
  const link = context.workflowLink(requestId);
  const id = hashOf(requestId);
  return {
    json: { id, requestId, isNew, state, link },
    text:
      formatTaken(submission) +
      formatNext({ commands: [`npm run client -- stake status ${id} --wait`], link }),
  };
}

function readFields(options: SubmitOptions): StakeCallFields {
  const file = options.file === undefined ? {} : readRequestFile(options.file);
  const owner = options.owner ?? file["owner"];
  const target = options.target ?? file["targetNftId"];
  const signatureId = options.signatureId ?? file["signatureId"];
  const signature = options.signature ?? file["signature"];
  const stakeId = options.stake ?? file["stakeNftId"];
  const shared = { owner, target, signatureId, signature };
  return stakeId === undefined
    ? { kind: "stake", ...shared, dipAmount: options.amount ?? file["dipAmount"] }
    : { kind: "restake", ...shared, stakeId };
}

/** @throws {RequestRefusedError} without a word of the file: it holds a signature. */
function readRequestFile(path: string): Readonly<Record<string, unknown>> {
  let source: string;
  try {
    source = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch {
    throw new RequestRefusedError({ reason: `the file ${path} cannot be read` });
  }
  try {
    const fields: unknown = JSON.parse(source);
    if (typeof fields === "object" && fields !== null && !Array.isArray(fields))
      return { ...fields };
  } catch {
    // Said below; the parser's own words quote the file.
  }
  throw new RequestRefusedError({ reason: `the file ${path} holds no JSON object` });
}

function refusalOf(submission: Exclude<Submission, { kind: "taken" }>): RequestRefusedError {
  switch (submission.kind) {
    case "invalid":
      return new RequestRefusedError({
        reason: submission.reasons.map(({ message }) => message).join(" "),
      });
    case "conflict":
      return new RequestRefusedError({
        reason: `another request has this signature; it differs in ${submission.fields.join(", ")}`,
      });
    case "refused":
      return new RequestRefusedError({
        reason: `${submission.reason.code}: ${submission.reason.message}`,
      });
    default:
      return new RequestRefusedError({ reason: "the signer's queue is full" });
  }
}

async function showStatus(context: CommandContext, id: string, wait: boolean): Promise<Outcome> {
  const desk = await context.staking();
  const requestId = await requestIdOf(desk, id);
  if (wait) return waitForEnd(context, desk, requestId);
  return toOutcome(context, await read(desk, requestId));
}

async function cancel(context: CommandContext, id: string, wait: boolean): Promise<Outcome> {
  const desk = await context.staking();
  const requestId = await requestIdOf(desk, id);
  const { cancelRequest } = await import("../../staking/read-request.ts");
  try {
    await cancelRequest(await desk.client(), requestId);
  } catch (error) {
    if (!(error instanceof JobNotRunningError)) throw error;
    return nothingToCancel(context, await read(desk, requestId));
  }
  if (wait) {
    const status = await readEnd(context, desk, requestId);
    return toOutcome(context, status, status.state === "cancelled");
  }
  return {
    json: { id: hashOf(requestId), requestId, cancelled: "asked" },
    text: `${requestId} is asked to end.${formatNext({
      commands: [`npm run client -- stake status ${hashOf(requestId)} --wait`],
      link: context.workflowLink(requestId),
    })}`,
  };
}

function nothingToCancel(context: CommandContext, status: StakeRequestStatus): Outcome {
  const { text, ...outcome } = toOutcome(context, status, status.state === "cancelled");
  return { ...outcome, text: `There is nothing to take back: it has ended.\n${text}` };
}

async function waitForEnd(
  context: CommandContext,
  desk: StakingDesk,
  requestId: string,
): Promise<Outcome> {
  const status = await readEnd(context, desk, requestId);
  return toOutcome(context, status, ["succeeded", "fulfilled_externally"].includes(status.state));
}

/** Says each change on the way; waits out a worker, a server or a node that is away. */
async function readEnd(
  { terminal }: CommandContext,
  desk: StakingDesk,
  requestId: string,
): Promise<StakeRequestStatus> {
  let end: StakeRequestStatus | undefined;
  let said = "";
  const say = (now: string) => {
    if (now !== said) terminal.say(now);
    said = now;
  };
  while (end === undefined) {
    try {
      const status = await read(desk, requestId);
      say(`${status.state}${status.reason ? `: ${status.reason.message}` : ""}`);
      if (status.isFinal) end = status;
    } catch (error) {
      if (!(error instanceof AppError && error.retryable)) throw error;
      say(error.message.split("\n")[0] ?? "");
    }
    if (end === undefined) await sleep(lookIntervalMs);
  }
  return end;
}

/** @throws {UnknownStakeRequestError} */
async function read(desk: StakingDesk, requestId: string): Promise<StakeRequestStatus> {
  const { readRequest } = await import("../../staking/read-request.ts");
  const status = await readRequest(await desk.client(), requestId, desk.kept);
  if (status === null) throw new UnknownStakeRequestError({ requestId });
  return status.state === "queued"
    ? { ...status, reason: await readStanding(desk, status) }
    : status;
}

/** Why the queue stands still now: a request hears that only when it joins it. */
async function readStanding(
  desk: StakingDesk,
  { chainId, reason }: StakeRequestStatus,
): Promise<StakeRequestStatus["reason"]> {
  const { readSigner } = await import("../../staking/signer-client.ts");
  try {
    const { standsStill } = await readSigner(await desk.client(), {
      chainId,
      address: desk.signer,
    });
    return standsStill && { code: standsStill, message: standingWords[standsStill] };
  } catch (error) {
    if (error instanceof AppError) return reason;
    throw error;
  }
}

async function requestIdOf(desk: StakingDesk, id: string): Promise<string> {
  const [, hash] = /^(?:stake\/\d+\/)?0x([0-9a-f]{64})$/.exec(id) ?? [];
  if (hash === undefined) {
    throw new RequestRefusedError({ reason: `${id.slice(0, 100)} is no id of a request` });
  }
  return stakeWorkflowIds.request(await desk.chainId(), `0x${hash}`);
}

/** @param isWell - what somebody waited for; absent: they only looked. */
function toOutcome(
  context: CommandContext,
  status: StakeRequestStatus,
  isWell = true,
): Outcome & { exitCode: ExitCode } {
  const link = context.workflowLink(status.requestId);
  return {
    json: { id: hashOf(status.requestId), ...status, link },
    text: formatRequest(status, link),
    exitCode: isWell ? exitCodes.done : exitCodes.failed,
  };
}
