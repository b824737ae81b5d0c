import { type Command, InvalidArgumentError } from "commander";
import { JobNotRunningError, NoWorkerError, RequestRefusedError } from "../../errors.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import {
  comparePolicy,
  describeDifference,
  type PolicyDifference,
  setPolicyCommand,
} from "../../staking/policy-difference.ts";
import { type SignerName, signerTarget } from "../../staking/targets.ts";
import type { SignerPolicy } from "../../workflows/staking/messages.ts";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { stopJob } from "../steer-job.ts";
import { describeBump } from "../views/bump-view.ts";
import { formatFields } from "../views/format.ts";
import { formatNext } from "../views/next-steps.ts";
import { formatSigner } from "../views/stake-view.ts";
import { type Act, addExamples, wholeNumber } from "./act.ts";

export function addSigner(program: Command, act: Act): void {
  const signer = program
    .command("signer")
    .description("the workflow that sends the staking transactions of the service's account");
  signer
    .command("start")
    .description("start it with the configured policy; one that runs already is kept")
    .action(() => act(start));
  signer
    .command("stop")
    .description("cancel it: no new nonce, and it ends when all it sent is final")
    .action(() => act(stop));
  signer
    .command("status")
    .description("balance, nonces, queue, and what is under way")
    .action(() => act(showStatus));
  const orders: Readonly<Record<"pause" | "resume", string>> = {
    pause: "give no new nonce; what is under way is seen to its end",
    resume: "go on after a pause, also after a foreign nonce was looked into",
  };
  for (const order of ["pause", "resume"] as const) {
    signer
      .command(order)
      .description(orders[order])
      .action(() => act((context) => give(context, order)));
  }
  signer
    .command("bump")
    .description("raise the fees of what is not mined now, up to the cap")
    .option("--nonce <nonce>", "only this one", wholeNumber(0))
    .action(({ nonce }: { nonce?: number }) => act((context) => bump(context, nonce)));
  addSetPolicy(signer, act);
  addExamples(
    signer,
    "signer status",
    "signer set-policy --max-fee-per-gas 50000000000 --max-in-flight 8",
    "signer bump --nonce 17",
  );
}

type PolicyOptions = {
  readonly maxFeePerGas?: string;
  readonly maxPriorityFeePerGas?: string;
  readonly maxInFlight?: number;
  readonly queueLimit?: number;
  readonly bumpAfter?: number;
  readonly rebroadcastAfter?: number;
  readonly reserve?: string;
  readonly perOwnerPerDay?: number | "any";
};

function addSetPolicy(signer: Command, act: Act): void {
  signer
    .command("set-policy")
    .description("change parts of the policy while it runs; the rest stays")
    .option("--max-fee-per-gas <wei>", "cap of every attempt", wei)
    .option("--max-priority-fee-per-gas <wei>", "tip of a first attempt, or `suggested`", tip)
    .option("--max-in-flight <n>", "broadcast and not yet mined", wholeNumber(1, 16))
    .option("--queue-limit <n>", "requests that wait for a transaction", wholeNumber(1, 1000))
    .option("--bump-after <ms>", "age at which fees are raised", wholeNumber(1))
    .option("--rebroadcast-after <ms>", "how often the same bytes are sent", wholeNumber(1))
    .option("--reserve <wei>", "what must stay", wei)
    .option("--per-owner-per-day <n>", "requests of one owner in a UTC day, or `any`", dailyLimit)
    .action((options: PolicyOptions) => act((context) => setPolicy(context, options)));
}

function wei(text: string): string {
  if (!/^\d{1,30}$/.test(text)) throw new InvalidArgumentError("It must be a whole number of wei.");
  return text;
}

function tip(text: string): string {
  return text === "suggested" ? text : wei(text);
}

function dailyLimit(text: string): number | "any" {
  return text === "any" ? text : wholeNumber(1)(text);
}

async function nameOf(desk: StakingDesk): Promise<SignerName> {
  return { chainId: await desk.chainId(), address: desk.signer };
}

async function start(context: CommandContext): Promise<Outcome> {
  const desk = await context.staking();
  const name = await nameOf(desk);
  const { startSigner } = await import("../../staking/signer-client.ts");
  const job = await startSigner(await desk.client(), name, desk.settings.policy);
  const differences = job.started ? [] : await readDifferences(desk, name);
  const link = context.workflowLink(job.workflowId);
  const next = ["npm run client -- signer status"];
  return {
    json: { ...job, differences, link },
    text:
      [
        `${job.started ? "Started" : "Runs already:"} ${job.workflowId}.`,
        ...differences.map(
          (difference) => `It keeps its policy: ${describeDifference(difference)}.`,
        ),
      ].join("\n") + formatNext({ commands: [...commandsFor(differences), ...next], link }),
  };
}

/** Nothing of a signer that does not answer now: it was kept, and that is what was asked for. */
async function readDifferences(desk: StakingDesk, name: SignerName): Promise<PolicyDifference[]> {
  const { readSigner } = await import("../../staking/signer-client.ts");
  try {
    const { policy } = await readSigner(await desk.client(), name);
    return comparePolicy(policy, desk.settings.policy);
  } catch (error) {
    if (error instanceof NoWorkerError || error instanceof JobNotRunningError) return [];
    throw error;
  }
}

function commandsFor(differences: readonly PolicyDifference[]): string[] {
  return differences.length === 0 ? [] : [setPolicyCommand(differences)];
}

async function stop(context: CommandContext): Promise<Outcome> {
  const target = signerTarget(await nameOf(await context.staking()));
  const { ended } = await stopJob(await context.temporal(), target);
  const { workflowId } = target;
  return {
    json: { workflowId, stopped: ended },
    text: ended
      ? `Stopped ${workflowId}; what it did stays.`
      : `${workflowId} is asked to stop and still sees to what it sent.${formatNext({ link: context.workflowLink(workflowId) })}`,
  };
}

async function showStatus(context: CommandContext): Promise<Outcome> {
  const desk = await context.staking();
  const name = await nameOf(desk);
  const { readSigner } = await import("../../staking/signer-client.ts");
  const status = await readSigner(await desk.client(), name);
  const differences = comparePolicy(status.policy, desk.settings.policy);
  const { workflowId } = signerTarget(name);
  const link = context.workflowLink(workflowId);
  return {
    json: { workflowId, ...status, differences, link },
    text: formatSigner(status, link, differences),
  };
}

async function give(context: CommandContext, order: "pause" | "resume"): Promise<Outcome> {
  const desk = await context.staking();
  const name = await nameOf(desk);
  const { orderSigner } = await import("../../staking/signer-client.ts");
  const answer = await orderSigner(await desk.client(), name, order);
  const { workflowId } = signerTarget(name);
  const words = {
    pause: `${workflowId} pauses: it gives no new nonce.`,
    resume: `${workflowId} goes on.`,
  };
  return { json: { workflowId, order, ...answer }, text: words[order] };
}

async function bump(context: CommandContext, nonce: number | undefined): Promise<Outcome> {
  const desk = await context.staking();
  const name = await nameOf(desk);
  const { orderSigner, readSigner } = await import("../../staking/signer-client.ts");
  const client = await desk.client();
  const answer = await orderSigner(client, name, "bump", nonce === undefined ? {} : { nonce });
  const raised = "nonces" in answer && Array.isArray(answer.nonces) ? answer.nonces : [];
  const what = await describeBump(raised, nonce, () => readSigner(client, name));
  const { workflowId } = signerTarget(name);
  return {
    json: { workflowId, order: "bump", ...answer },
    text: `${workflowId} raises the fees of ${what}.`,
  };
}

async function setPolicy(context: CommandContext, options: PolicyOptions): Promise<Outcome> {
  const changes = toPolicy(options);
  if (Object.keys(changes).length === 0) {
    throw new RequestRefusedError({ reason: "no part of the policy was named" });
  }
  const desk = await context.staking();
  const name = await nameOf(desk);
  const { setSignerPolicy } = await import("../../staking/signer-client.ts");
  const policy = await setSignerPolicy(await desk.client(), name, changes);
  const { workflowId } = signerTarget(name);
  const fields = Object.entries(policy).map(
    ([key, value]) => [key, String(value ?? "any")] as const,
  );
  return {
    json: { workflowId, policy },
    text: `${workflowId} now has this policy:\n${formatFields(fields)}`,
  };
}

function toPolicy(options: PolicyOptions): Partial<SignerPolicy> {
  const named = {
    maxFeePerGasWei: options.maxFeePerGas,
    maxPriorityFeePerGasWei:
      options.maxPriorityFeePerGas === "suggested" ? null : options.maxPriorityFeePerGas,
    maxInFlight: options.maxInFlight,
    queueLimit: options.queueLimit,
    bumpAfterMs: options.bumpAfter,
    rebroadcastAfterMs: options.rebroadcastAfter,
    reserveWei: options.reserve,
    perOwnerPerDay: options.perOwnerPerDay === "any" ? null : options.perOwnerPerDay,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
