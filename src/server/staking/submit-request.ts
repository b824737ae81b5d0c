import type { StakeCallFields } from "../../domain/staking/parse-stake-call.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import { type Submission, submitCall } from "../../staking/submit-call.ts";
import { Problem, type ProblemOptions } from "../problem.ts";
import type { SignerGauge } from "./signer-gauge.ts";

/**
 * Takes a request of an HTTP caller.
 * @throws {Problem} @throws {NodeUnavailableError} @throws {TemporalUnavailableError}
 */
export async function submitRequest(
  desk: StakingDesk,
  gauge: SignerGauge,
  { fields, actor }: { readonly fields: StakeCallFields; readonly actor: string },
): Promise<Extract<Submission, { kind: "taken" }>> {
  const hasRoom = async () => {
    const [client, chainId] = await Promise.all([desk.client(), desk.chainId()]);
    return gauge.hasRoom(client, { chainId, address: desk.signer });
  };
  const submission = await submitCall(desk, fields, { source: "api", actor, hasRoom });
  if (submission.kind !== "taken") throw new Problem(toProblem(submission));
  if (submission.isNew) gauge.count();
  return submission;
}

function toProblem(submission: Exclude<Submission, { kind: "taken" }>): ProblemOptions {
  switch (submission.kind) {
    case "invalid":
      return {
        kind: "invalid-stake-request",
        status: 400,
        title: "The request cannot be one of the contract's.",
        detail: submission.reasons.map(({ message }) => message).join(" "),
        fix: "mend it, and have its user sign again if what is signed changes.",
        members: { reasons: submission.reasons },
      };
    case "conflict":
      return {
        kind: "signature-conflict",
        status: 409,
        title: "Another request has this signature.",
        detail: `It differs in ${submission.fields.join(", ")}.`,
        fix: "have the user sign this request; a signature is good for one.",
      };
    case "refused":
      return {
        kind: "stake-refused",
        status: 422,
        title: "The contract would refuse the request.",
        detail: submission.reason.message,
        fix: submission.mayBeAskedAgain
          ? "ask again when that has changed; nothing was started."
          : "the user has to sign another request; nothing was started.",
        members: { reason: submission.reason },
      };
    default:
      return {
        kind: "queue-full",
        status: 429,
        title: "The signer's queue is full.",
        fix: "ask again when some of it is done; nothing was started.",
        headers: { "retry-after": "30" },
      };
  }
}
