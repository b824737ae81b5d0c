import type { Client } from "@temporalio/client";
import { JobNotRunningError, NoWorkerError } from "../../errors.ts";
import { readSigner } from "../../staking/signer-client.ts";
import type { SignerName } from "../../staking/targets.ts";

/** How long a look at the signer counts; what was accepted since is added to it. */
const freshMs = 1_000;

/** Tells whether the signer's queue has room. */
export type SignerGauge = {
  /** @throws {TemporalUnavailableError} */
  readonly hasRoom: (client: Client, signer: SignerName) => Promise<boolean>;
  /** A request was accepted. */
  readonly count: () => void;
};

/**
 * Asks the signer at most once a second, so that a flood costs it nothing; what was accepted in between counts as
 * queued. Where nobody can be asked, the bound holds for what was accepted since the last answer.
 * @param queueLimit - of a signer that does not run yet.
 */
export function createSignerGauge(queueLimit: number): SignerGauge {
  let seen = { queued: 0, limit: queueLimit };
  let acceptedSince = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function look(client: Client, signer: SignerName): Promise<void> {
    const before = acceptedSince;
    try {
      const { queued, policy } = await readSigner(client, signer);
      seen = { queued, limit: policy.queueLimit };
      acceptedSince -= before;
    } catch (error) {
      if (error instanceof JobNotRunningError) seen = { queued: 0, limit: queueLimit };
      else if (!(error instanceof NoWorkerError)) throw error;
    }
    lookedAt = performance.now();
  }

  return {
    hasRoom: async (client, signer) => {
      if (performance.now() - lookedAt >= freshMs) {
        looking ??= look(client, signer).finally(() => {
          looking = undefined;
        });
        await looking;
      }
      return seen.queued + acceptedSince < seen.limit;
    },
    count: () => {
      acceptedSince += 1;
    },
  };
}
