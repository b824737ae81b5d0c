import type { BlockRange } from "../domain/block-range.ts";
import { parseBlockList } from "../domain/block-spec.ts";
import type { Processor } from "../domain/processor.ts";
import { findProcessor, processors as knownProcessors } from "../domain/processor.ts";
import type { RequeuedRange } from "./gap-fill-shapes.ts";
import { maximumBlocksPerRequest } from "./messages.ts";

/** A request as a workflow understood it, or why it cannot be acted on. */
export type Parsed<T> =
  | { readonly kind: "ok"; readonly request: T }
  | { readonly kind: "refused"; readonly reason: string };

/** A requeue in its one form: which blocks, each once, and what all of them share. */
export type ParsedRequeue = {
  readonly ranges: readonly BlockRange[];
  readonly common: Omit<RequeuedRange, keyof BlockRange>;
};

/** A release in its one form: ranges, or all of a kind. */
export type ParsedRelease = {
  readonly ranges: readonly BlockRange[];
  readonly kind: string | null;
  readonly reason: string;
  readonly actor: string;
};

export const requeueExample = '{"blocks":[17000000,"17000005-17000010"],"reason":"looks short"}';
export const releaseExample = '{"blocks":[17000000]} or {"kind":"trace_refused"}';
/** Longer texts are cut: they stand in the state of the workflow and in every ledger row. */
const maximumReasonLength = 200;
const maximumActorLength = 50;
/** More items than any honest list of 1,000 blocks has. */
const maximumItems = maximumBlocksPerRequest;

/** Reads the body of `requeueBlocks`, of any JSON shape. Never throws. */
export function parseRequeueRequest(
  body: unknown,
  configured: readonly Processor[],
): Parsed<ParsedRequeue> {
  if (!isObject(body)) return refuse(`the body is not an object like ${requeueExample}`);
  const blocks = parseBlocksField(body["blocks"], requeueExample);
  if (blocks.kind === "refused") return blocks;
  const processors = parseProcessorField(body["processor"], configured);
  if (processors.kind === "refused") return processors;
  const texts = parseTexts(body);
  if (texts.kind === "refused") return texts;
  const common = { processors: processors.request, ...texts.request };
  return { kind: "ok", request: { ranges: blocks.request, common } };
}

/** Reads the body of `releaseBlocks`, of any JSON shape. Never throws. */
export function parseReleaseRequest(body: unknown): Parsed<ParsedRelease> {
  if (!isObject(body)) return refuse(`the body is not an object like ${releaseExample}`);
  const texts = parseTexts(body);
  if (texts.kind === "refused") return texts;
  const { kind } = body;
  if (isGiven(kind) === isGiven(body["blocks"])) {
    return refuse(`it names neither or both of blocks and kind; write ${releaseExample}`);
  }
  if (isGiven(kind)) {
    return typeof kind === "string" && /^[a-z_]{1,64}$/.test(kind)
      ? { kind: "ok", request: { ranges: [], kind, ...texts.request } }
      : refuse('kind is not an error kind like "trace_refused"');
  }
  const blocks = parseBlocksField(body["blocks"], releaseExample);
  if (blocks.kind === "refused") return blocks;
  return { kind: "ok", request: { ranges: blocks.request, kind: null, ...texts.request } };
}

function parseBlocksField(blocks: unknown, example: string): Parsed<readonly BlockRange[]> {
  if (!Array.isArray(blocks) || blocks.length === 0) {
    return refuse(`blocks is not a list of numbers and ranges; write ${example}`);
  }
  if (blocks.length > maximumItems) return refuse(`blocks has more than ${maximumItems} items`);
  if (!blocks.every((item) => typeof item === "number" || typeof item === "string")) {
    return refuse(`blocks holds something that is neither a number nor a text; write ${example}`);
  }
  const list = parseBlockList(blocks, maximumBlocksPerRequest);
  if (list.refused.length > 0) {
    const shown = list.refused.slice(0, 5).map(({ blocks: text, why }) => `"${text}": ${why}`);
    const more = list.refused.length - shown.length;
    return refuse([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; "));
  }
  return { kind: "ok", request: list.ranges };
}

function parseProcessorField(
  name: unknown,
  configured: readonly Processor[],
): Parsed<readonly Processor[]> {
  if (!isGiven(name)) return { kind: "ok", request: configured };
  const processor = typeof name === "string" ? findProcessor(name) : undefined;
  if (!processor) {
    return refuse(
      `the processor ${quote(name)} does not exist; processors: ${knownProcessors.join(", ")}`,
    );
  }
  if (!configured.includes(processor)) {
    return refuse(
      `the processor "${processor}" is not in use here; in use: ${configured.join(", ")}`,
    );
  }
  return { kind: "ok", request: [processor] };
}

function parseTexts(body: Record<string, unknown>): Parsed<{ reason: string; actor: string }> {
  const { reason, actor } = body;
  if (isGiven(reason) && typeof reason !== "string") return refuse("reason is not a text");
  if (isGiven(actor) && typeof actor !== "string") return refuse("actor is not a text");
  return {
    kind: "ok",
    request: {
      reason: (reason ?? "").slice(0, maximumReasonLength),
      actor: (actor ?? "").slice(0, maximumActorLength),
    },
  };
}

function refuse(reason: string): { readonly kind: "refused"; readonly reason: string } {
  return { kind: "refused", reason };
}

/** null counts as absent: forms and other languages' clients send it for "nothing". */
function isGiven<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function quote(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 100);
}
