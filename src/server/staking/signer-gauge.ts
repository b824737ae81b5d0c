import type { Client } from "@temporalio/client";
import { JobNotRunningError, NoWorkerError } from "../../errors.ts";
import { readSigner } from "../../staking/signer-client.ts";
import type { SignerName } from "../../staking/targets.ts";
import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";

type Seen = Pick<SignerStatus, "queued" | "standsStill"> & { readonly limit: number };

/** How long a look at the signer counts; what was accepted since is added to it. */
const freshMs = 1_000;

/** What the ways in tell of the signer. */
export type SignerGauge = {
  /** Whether its queue has room. @throws {TemporalUnavailableError} */
  readonly hasRoom: (client: Client, signer: SignerName) => Promise<boolean>;
  /** Why it gives no nonce, as far as it was heard; null while it does. @throws {TemporalUnavailableError} */
  readonly standsStill: (
    client: Client,
    signer: SignerName,
  ) => Promise<SignerStatus["standsStill"]>;
  /** A request was accepted. */
  readonly count: () => void;
};

/**
 * Asks the signer at most once a second, so that a flood costs it nothing; what was accepted in between counts as
 * queued. Where nobody can be asked, the bound holds for what was accepted since the last answer.
 * @param queueLimit - of a signer that does not run yet.
 */
export function createSignerGauge(queueLimit: number): SignerGauge {
  const atRest: Seen = { queued: 0, limit: queueLimit, standsStill: null };
  let seen = atRest;
  let acceptedSince = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function look(client: Client, signer: SignerName): Promise<void> {
    const before = acceptedSince;
    try {
      const { queued, policy, standsStill } = await readSigner(client, signer);
      seen = { queued, limit: policy.queueLimit, standsStill };
      acceptedSince -= before;
    } catch (error) {
      if (error instanceof JobNotRunningError) seen = atRest;
      else if (!(error instanceof NoWorkerError)) throw error;
    }
    lookedAt = performance.now();
  }

  async function lookAgain(client: Client, signer: SignerName): Promise<void> {
    if (performance.now() - lookedAt < freshMs) return;
    looking ??= look(client, signer).finally(() => {
      looking = undefined;
    });
    await looking;
  }

  return {
    hasRoom: async (client, signer) => {
      await lookAgain(client, signer);
      return seen.queued + acceptedSince < seen.limit;
    },
    standsStill: async (client, signer) => {
      await lookAgain(client, signer);
      return seen.standsStill;
    },
    count: () => {
      acceptedSince += 1;
    },
  };
}
