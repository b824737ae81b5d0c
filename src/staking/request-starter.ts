import type { Client } from "@temporalio/client";
import type { RequestStarter } from "../activities/staking/bridge-ports.ts";
import type { Hex } from "../domain/chain.ts";
import { JobNotRunningError, RequestRefusedError } from "../errors.ts";
import { askTemporal } from "./ask-temporal.ts";
import { startRequest } from "./start-request.ts";
import { requestTarget } from "./targets.ts";

/**
 * Starts the requests of the Redis stream.
 * @param client - one with the codec.
 */
export function createRequestStarter(
  client: Client,
  { signer, lifetimeMs }: { readonly signer: Hex; readonly lifetimeMs: number },
): RequestStarter {
  return {
    async start({ chainId, call, entity }) {
      const wanted = { chainId, call, entity, signer, lifetimeMs };
      const from = { source: "bridge", actor: "stream" } as const;
      const started = await startRequest(client, { ...wanted, ...from });
      const { requestId } = started;
      if (started.kind === "started") return { requestId, isNew: true, entity };
      if (started.kind === "known") {
        // A run that has ended keeps no hash: one that stands again was brought back by a Redis that lost its last moments.
        const isKept = started.entity !== null && (await isRunning(client, requestId));
        return { requestId, isNew: false, entity: isKept ? started.entity : null };
      }
      throw new RequestRefusedError({
        reason: `another request has this signature; it differs in ${started.fields.join(", ")}`,
      });
    },
  };
}

async function isRunning(client: Client, requestId: string): Promise<boolean> {
  try {
    const { status } = await askTemporal(client, requestTarget(requestId), () =>
      client.workflow.getHandle(requestId).describe(),
    );
    return status.name === "RUNNING";
  } catch (error) {
    if (error instanceof JobNotRunningError) return false;
    throw error;
  }
}
