import { redact } from "../domain/redact.ts";
import type { NodeRefusal } from "../domain/staking/revert-reason.ts";

/** A JSON-RPC error object. Stays inside this folder: its words may repeat what was sent. */
export class RpcRefusal extends Error implements NodeRefusal {
  override readonly name = "RpcRefusal";
  readonly code: number;
  readonly data: unknown;
  constructor({ code, message, data }: { code: number; message: string; data?: unknown }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

const maximumWords = 200;

/** A node's words without urls, credentials, calldata and signatures; hashes and addresses stay. */
export function harmlessWords(words: string): string {
  return redact(words)
    .replaceAll(/(?:0x)?[0-9a-f]{65,}/gi, "[bytes]")
    .slice(0, maximumWords);
}
