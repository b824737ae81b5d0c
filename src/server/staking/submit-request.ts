import { parseStakeCall, type StakeCallFields } from "../../domain/staking/parse-stake-call.ts";
import type { CheckVerdict, StakeCall, StakeState } from "../../domain/staking/stake-call.ts";
import { JobNotRunningError, NoWorkerError } from "../../errors.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import { readRequest } from "../../staking/read-request.ts";
import { findRequest, type StartedRequest, startRequest } from "../../staking/start-request.ts";
import { Problem } from "../problem.ts";
import type { SignerGauge } from "./signer-gauge.ts";

/** What became of a request at the border. */
export type Submitted = { readonly requestId: string; readonly state: StakeState };

/**
 * Checks a request as far as it goes without waiting, and starts its workflow: nothing enters that can never be served.
 * Idempotent by the signature; a known request is answered before anything of it is checked, so that its answer stays
 * the same whatever the chain says since.
 * @throws {Problem} @throws {NodeUnavailableError} @throws {TemporalUnavailableError}
 */
export async function submitRequest(
  desk: StakingDesk,
  gauge: SignerGauge,
  { fields, actor }: { readonly fields: StakeCallFields; readonly actor: string },
): Promise<Submitted & { readonly call: StakeCall; readonly isNew: boolean }> {
  const call = readCall(fields);
  const [client, chainId] = await Promise.all([desk.client(), desk.chainId()]);
  const known = await findRequest(client, chainId, call);
  if (known !== null) return { ...(await answerKnown(desk, known)), call, isNew: false };

  if (!(await gauge.hasRoom(client, { chainId, address: desk.signer }))) throw queueFull();
  await refuseUnservable(desk, call);
  gauge.count();
  const started = await startRequest(client, {
    chainId,
    call,
    signer: desk.signer,
    source: "api",
    actor,
    lifetimeMs: desk.settings.requestLifetimeMs,
  });
  if (started.kind !== "started") {
    return { ...(await answerKnown(desk, started)), call, isNew: false };
  }
  return { requestId: started.requestId, state: "checking", call, isNew: true };
}

function readCall(fields: StakeCallFields): StakeCall {
  const parsed = parseStakeCall(fields);
  if (parsed.kind === "parsed") return parsed.call;
  throw new Problem({
    kind: "invalid-stake-request",
    status: 400,
    title: "The request cannot be one of the contract's.",
    detail: parsed.reasons.map(({ message }) => message).join(" "),
    fix: "mend it, and have its user sign again if what is signed changes.",
    members: { reasons: parsed.reasons },
  });
}

async function answerKnown(
  desk: StakingDesk,
  known: Exclude<StartedRequest, { kind: "started" }>,
): Promise<Submitted> {
  const { requestId } = known;
  if (known.kind === "conflict") {
    throw new Problem({
      kind: "signature-conflict",
      status: 409,
      title: "Another request has this signature.",
      detail: `It differs in ${known.fields.join(", ")}.`,
      fix: "have the user sign this request; a signature is good for one.",
    });
  }
  return { requestId, state: await readState(desk, requestId) };
}

async function readState(desk: StakingDesk, requestId: string): Promise<StakeState> {
  try {
    const status = await readRequest(await desk.client(), requestId, desk.kept);
    return status?.state ?? "checking";
  } catch (error) {
    // It is kept, and nobody can say more of it now.
    if (error instanceof NoWorkerError || error instanceof JobNotRunningError) return "checking";
    throw error;
  }
}

/** What the chain says once and for all before any gas: a wrong signature, a theft, a target that takes no stakes. */
async function refuseUnservable(desk: StakingDesk, call: StakeCall): Promise<void> {
  const chain = await desk.chain();
  const [verdict] = await chain.checkCalls([call], desk.signer);
  if (verdict?.kind === "refused") throw refused(verdict);
}

function refused({ reason, mayBeAskedAgain }: Extract<CheckVerdict, { kind: "refused" }>): Problem {
  return new Problem({
    kind: "stake-refused",
    status: 422,
    title: "The contract would refuse the request.",
    detail: reason.message,
    fix: mayBeAskedAgain
      ? "ask again when that has changed; nothing was started."
      : "the user has to sign another request; nothing was started.",
    members: { reason },
  });
}

function queueFull(): Problem {
  return new Problem({
    kind: "queue-full",
    status: 429,
    title: "The signer's queue is full.",
    fix: "ask again when some of it is done; nothing was started.",
    headers: { "retry-after": "30" },
  });
}
