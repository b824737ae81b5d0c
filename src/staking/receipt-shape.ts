import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import { isHex } from "./hex.ts";

const hex = z.custom<Hex>(isHex);
const quantity = z.string().regex(/^0x[0-9a-f]+$/i);

/** What is read of a receipt that a node gives. */
export const receiptShape = z.object({
  transactionHash: hex,
  blockNumber: quantity,
  blockHash: hex,
  status: quantity,
  gasUsed: quantity,
  effectiveGasPrice: quantity.optional(),
  from: hex,
  logs: z.array(z.object({ address: hex, topics: z.array(hex), data: hex })),
});
export type Receipt = z.infer<typeof receiptShape>;
