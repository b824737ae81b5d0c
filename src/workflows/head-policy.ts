import type { HeadPolicy } from "../domain/chain.ts";

/** What the body of an update has to look like. */
export const headPolicyHelp = 'write {"headPolicy":"latest"}, "safe" or "finalized"';

/** The policy that a body names, as an object or bare; undefined: it names none. */
export function readHeadPolicy(body: unknown): HeadPolicy | undefined {
  const value =
    typeof body === "object" && body !== null && "headPolicy" in body ? body.headPolicy : body;
  return value === "latest" || value === "safe" || value === "finalized" ? value : undefined;
}
