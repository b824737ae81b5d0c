import type { Client } from "@temporalio/client";

/** A haystack by the place that it was found in. */
export type Written = ReadonlyMap<string, Buffer>;

/** Every history and description in the namespace as the server holds it: payloads are not decoded. */
export async function readHistories(client: Client): Promise<Written> {
  const found = new Map<string, Buffer>();
  for await (const { workflowId, runId } of client.workflow.list()) {
    const execution = { workflowId, runId };
    const { namespace } = client.options;
    const events: unknown[] = [];
    let nextPageToken: Uint8Array | null = null;
    do {
      const page: {
        history?: { events?: unknown[] | null } | null;
        nextPageToken?: Uint8Array | null;
      } = await client.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution,
        nextPageToken,
      });
      events.push(...(page.history?.events ?? []));
      nextPageToken = page.nextPageToken?.length ? page.nextPageToken : null;
    } while (nextPageToken !== null);
    const described = await client.workflowService.describeWorkflowExecution({
      namespace,
      execution,
    });
    found.set(`history of ${workflowId} ${runId}`, Buffer.concat(bytesOf([events, described])));
  }
  return found;
}

/** All text and bytes of a message, whatever its fields are called. */
function bytesOf(value: unknown): Buffer[] {
  if (typeof value === "string") return [Buffer.from(`${value}\n`)];
  if (value instanceof Uint8Array) return [Buffer.from(value), Buffer.from("\n")];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(bytesOf);
}

/** Where a secret stands: as text in any case, as bytes, or as base64 of them. */
export function findSecret(written: Written, secret: string): string[] {
  const hex = /^0x([0-9a-f]+)$/i.exec(secret)?.[1];
  const forms = [secret, secret.toLowerCase(), secret.toUpperCase()];
  const needles = (hex === undefined ? forms : [hex, hex.toLowerCase(), hex.toUpperCase()]).map(
    (form) => Buffer.from(form),
  );
  if (hex !== undefined) {
    const bytes = Buffer.from(hex, "hex");
    // The middle of the base64 text is the same wherever the bytes begin, but for their place in a group of three.
    const encoded = [0, 1, 2].map((skip) => bytes.subarray(skip).toString("base64").slice(0, -4));
    needles.push(bytes, ...encoded.map((text) => Buffer.from(text)));
  }
  return [...written].flatMap(([place, content]) =>
    needles.some((needle) => content.includes(needle)) ? [place] : [],
  );
}
