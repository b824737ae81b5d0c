import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import type { StakeCall } from "../domain/staking/stake-call.ts";
import { isCall } from "./contract.ts";
import { isHex, lowerCase } from "./hex.ts";
import type { StakingNode } from "./staking-node.ts";

type Frame = {
  readonly to?: Hex | null | undefined;
  readonly input: Hex;
  readonly error?: string | undefined;
  readonly calls?: readonly Frame[] | undefined;
};

const hex = z.custom<Hex>(isHex);
const frameShape: z.ZodType<Frame> = z.lazy(() =>
  z.object({
    to: hex.nullish(),
    input: hex,
    error: z.string().optional(),
    calls: z.array(frameShape).optional(),
  }),
);

/**
 * Whether a transaction made this very call of the contract somewhere inside, without reverting it; null where the node
 * does not trace.
 */
export async function madeCall(
  node: StakingNode,
  query: {
    readonly contractAddress: Hex;
    readonly call: StakeCall;
    readonly transactionHash: Hex;
  },
  signal?: AbortSignal,
): Promise<boolean | null> {
  const params = [query.transactionHash, { tracer: "callTracer" }];
  const [answer] = await node.ask([{ method: "debug_traceTransaction", params }], { signal });
  const root = frameShape.safeParse(answer);
  return root.success ? holds(root.data, query.contractAddress, query.call) : null;
}

function holds(frame: Frame, contractAddress: Hex, call: StakeCall): boolean {
  if (frame.error !== undefined) return false;
  const isOfContract = typeof frame.to === "string" && lowerCase(frame.to) === contractAddress;
  return (
    (isOfContract && isCall(frame.input, call)) ||
    (frame.calls ?? []).some((inner) => holds(inner, contractAddress, call))
  );
}
