import { parseStakeCall, type StakeCallFields } from "../domain/staking/parse-stake-call.ts";
import type { StakeCall, StakeReason, StakeState } from "../domain/staking/stake-call.ts";
import { JobNotRunningError, NoWorkerError } from "../errors.ts";
import type { StakeRequestInput } from "../workflows/staking/request-shapes.ts";
import type { StakingDesk } from "./desk.ts";
import { closesForAnother, readRequest } from "./read-request.ts";
import { findRequest, type StartedRequest, startRequest } from "./start-request.ts";

/** What became of a request at the border. */
export type Submission =
  | {
      readonly kind: "taken";
      readonly requestId: string;
      readonly state: StakeState;
      /** Whether this call started it. */
      readonly isNew: boolean;
      readonly call: StakeCall;
    }
  /** It cannot be one of the contract's two calls. */
  | { readonly kind: "invalid"; readonly reasons: readonly StakeReason[] }
  /** Another request has this signature. */
  | { readonly kind: "conflict"; readonly requestId: string; readonly fields: readonly string[] }
  /** The chain says that it cannot be served. */
  | { readonly kind: "refused"; readonly reason: StakeReason; readonly mayBeAskedAgain: boolean }
  | { readonly kind: "full" };

export type Sender = Pick<StakeRequestInput, "source" | "actor"> & {
  /** Asked before anything new is started; absent: one person's requests do not fill a queue. */
  readonly hasRoom?: () => Promise<boolean>;
};

/**
 * Checks a request as far as it goes without waiting, and starts its workflow: nothing enters that can never be served.
 * Idempotent by the signature; a known request is answered before anything of it is asked of the chain, so that its
 * answer stays the same whatever the chain says since.
 * @throws {NodeUnavailableError} @throws {TemporalUnavailableError}
 */
export async function submitCall(
  desk: StakingDesk,
  fields: StakeCallFields,
  { source, actor, hasRoom }: Sender,
): Promise<Submission> {
  const parsed = parseStakeCall(fields);
  if (parsed.kind === "refused") return { kind: "invalid", reasons: parsed.reasons };
  const { call } = parsed;
  const [client, chainId] = await Promise.all([desk.client(), desk.chainId()]);
  const known = await findRequest(client, chainId, call);
  if (known !== null) {
    const answer = await answerKnown(desk, known, call);
    const isAtItsEnd = answer.kind === "taken" && mayBeAnEndToMend.has(answer.state);
    // Its user has heard the end and asks again, while its workflow still writes it down.
    if (!isAtItsEnd || !(await closesForAnother(client, answer.requestId))) return answer;
  }
  if (hasRoom && !(await hasRoom())) return { kind: "full" };
  const [verdict] = await (await desk.chain()).checkCalls([call], desk.signer);
  if (verdict?.kind === "refused") return verdict;
  const { signer, settings } = desk;
  const lifetimeMs = settings.requestLifetimeMs;
  const started = await startRequest(client, { chainId, call, signer, source, actor, lifetimeMs });
  if (started.kind !== "started") return answerKnown(desk, started, call);
  return { kind: "taken", requestId: started.requestId, state: "checking", isNew: true, call };
}

/** Ends after which the same request may be right another time. */
const mayBeAnEndToMend: ReadonlySet<StakeState> = new Set([
  "refused",
  "reverted",
  "expired",
  "cancelled",
  "failed",
]);

async function answerKnown(
  desk: StakingDesk,
  known: Exclude<StartedRequest, { kind: "started" }>,
  call: StakeCall,
): Promise<Submission> {
  if (known.kind === "conflict") return known;
  const { requestId } = known;
  return {
    kind: "taken",
    requestId,
    state: await readState(desk, requestId),
    isNew: false,
    call,
  };
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
