import type { Payload } from "@temporalio/common";
import protobuf from "protobufjs";

/** `temporal.api.common.v1.Payload`; the package that has it has no ESM exports. */
const payloadType = new protobuf.Type("Payload")
  .add(new protobuf.MapField("metadata", 1, "string", "bytes"))
  .add(new protobuf.Field("data", 2, "bytes"));
new protobuf.Root().add(payloadType);

/** A payload in protobuf's wire format. */
export function toBytes({ metadata, data }: Payload): Uint8Array {
  return payloadType.encode({ metadata: metadata ?? {}, data: data ?? new Uint8Array() }).finish();
}

/** The payload that `toBytes` wrote. */
export function fromBytes(bytes: Uint8Array): Payload {
  const read: Record<string, unknown> = payloadType.toObject(payloadType.decode(bytes), {
    defaults: true,
  });
  const metadata: unknown = read["metadata"];
  return {
    metadata: Object.fromEntries(
      Object.entries(typeof metadata === "object" ? { ...metadata } : {}).flatMap(([key, value]) =>
        value instanceof Uint8Array ? [[key, value]] : [],
      ),
    ),
    data: read["data"] instanceof Uint8Array ? read["data"] : new Uint8Array(),
  };
}
