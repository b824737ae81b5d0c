import type { RawValue } from "@temporalio/common";
import { defaultPayloadConverter } from "@temporalio/workflow";

/** What a signal carried: its JSON value (undefined where there is none), or why it cannot be read. */
export type SignalBody =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Decodes the body of a signal. Never throws. */
export function readSignalBody(body: RawValue | undefined): SignalBody {
  if (body === undefined) return { kind: "value", value: undefined };
  try {
    return { kind: "value", value: defaultPayloadConverter.fromPayload(body.payload) };
  } catch {
    return { kind: "unreadable", reason: "the body is not JSON" };
  }
}
