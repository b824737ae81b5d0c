import type { Client } from "@temporalio/client";
import type { RequestStarter } from "../activities/staking/bridge-ports.ts";
import type { Hex } from "../domain/chain.ts";
import { RequestRefusedError } from "../errors.ts";
import { startRequest } from "./start-request.ts";

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
      if (started.kind === "known") return { requestId, isNew: false, entity: started.entity };
      throw new RequestRefusedError({
        reason: `another request has this signature; it differs in ${started.fields.join(", ")}`,
      });
    },
  };
}
