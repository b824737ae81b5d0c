import type { Payload, PayloadCodec } from "@temporalio/common";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { UnreadablePayloadError } from "../../errors.ts";
import { actorOf, requireScope } from "../access.ts";
import type { ServerParts } from "../parts.ts";
import { Problem } from "../problem.ts";
import { commonProblems } from "../schemas.ts";
import { payloadsSchema } from "../staking/schemas.ts";

/** Where Temporal's UI and command line have payloads decoded (their remote codec protocol); nothing is encoded here. */
export const decodePath = "/codec/decode";

/** A history of the UI holds more than a list of blocks. */
const maximumBodyBytes = 4 * 1024 * 1024;

/** Of its own: who hands requests in has no business with the signatures of others. */
const scope = "codec";
const howToGetScope =
  "give the token the scope in API_TOKENS, such as ui:codec:HASH or desk:stake+codec:HASH; the scope stake alone decrypts nothing.";

type JsonPayload = { readonly metadata?: Readonly<Record<string, string>>; readonly data?: string };

type DecodeRequest = { Body: { payloads: JsonPayload[] } };

/**
 * @param uiOrigin - the one page of another origin that a browser may show the answer to.
 */
export function addCodecRoute(
  app: FastifyInstance,
  { logger }: Pick<ServerParts, "logger">,
  { codec, uiOrigin }: { readonly codec: PayloadCodec; readonly uiOrigin: string | null },
): void {
  const allowOrigin = (reply: FastifyReply, origin: string | undefined): void => {
    if (uiOrigin === null) return;
    void reply.header("vary", "Origin");
    if (origin === uiOrigin) void reply.header("access-control-allow-origin", uiOrigin);
  };
  const decodeFor = async (request: FastifyRequest<DecodeRequest>) => {
    const payloads = await decode(codec, request.body.payloads);
    const asked = { actor: actorOf(request.caller), address: request.ip, requestId: request.id };
    logger.info("Decoded payloads", { ...asked, payloads: payloads.length });
    return { payloads };
  };
  app.options(decodePath, { schema: { hide: true } }, async ({ headers }, reply) => {
    allowOrigin(reply, headers.origin);
    return reply
      .code(204)
      .headers({
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type, authorization, x-namespace",
        "access-control-max-age": "600",
      })
      .send();
  });
  app.post<DecodeRequest>(
    decodePath,
    {
      bodyLimit: maximumBodyBytes,
      onRequest: async ({ headers }, reply) => allowOrigin(reply, headers.origin),
      preParsing: requireScope(scope, howToGetScope),
      schema: {
        operationId: "decodePayloads",
        summary: "Decrypts payloads of the staking workflows, for Temporal's UI and command line",
        tags: ["stake"],
        security: [{ bearer: [scope] }],
        body: payloadsSchema,
        response: {
          200: { description: "In their order.", ...payloadsSchema },
          ...commonProblems,
        },
      },
    },
    (request) => decodeFor(request),
  );
}

async function decode(codec: PayloadCodec, payloads: JsonPayload[]): Promise<JsonPayload[]> {
  try {
    const decoded = await codec.decode(payloads.map(fromJson));
    return decoded.map(toJson);
  } catch (error) {
    if (!(error instanceof UnreadablePayloadError)) throw error;
    throw new Problem({
      kind: "unreadable-payload",
      status: 422,
      title: "A payload cannot be decrypted.",
      detail: error.facts.join("; "),
      ...(error.fix === undefined ? {} : { fix: error.fix }),
    });
  }
}

function fromJson({ metadata = {}, data = "" }: JsonPayload): Payload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, fromBase64(value)]),
    ),
    data: fromBase64(data),
  };
}

function fromBase64(text: string): Buffer {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return Buffer.from(text, "base64");
  throw new Problem({
    kind: "bad-request",
    status: 400,
    title: "The request cannot be read.",
    detail: "A payload is not base64.",
    fix: "send payloads as Temporal's UI and command line do.",
  });
}

function toJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)]),
    ),
    data: toBase64(data ?? new Uint8Array()),
  };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
