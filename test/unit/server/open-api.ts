import { z } from "zod";

/** As much of OpenAPI 3.1 as the document uses; strict, so that nothing is misspelt. */
const parameter = z.strictObject({
  name: z.string(),
  in: z.enum(["path", "query"]),
  required: z.boolean(),
  description: z.string(),
  schema: z.looseObject({}),
});
const content = z.partialRecord(
  z.enum(["application/json", "application/problem+json"]),
  z.strictObject({ schema: z.looseObject({}) }),
);
const operation = z.strictObject({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.enum(["queue", "read", "health", "docs", "stake"])).length(1),
  security: z.array(
    z.strictObject({ bearer: z.array(z.enum(["read", "queue", "stake", "codec"])) }),
  ),
  parameters: z.array(parameter).optional(),
  requestBody: z.strictObject({ content, required: z.boolean().optional() }).optional(),
  responses: z.record(
    z.string().regex(/^([2-5]\d\d|4XX|5XX)$/),
    z.strictObject({ description: z.string().min(1), content }),
  ),
});
/** Takes what is an OpenAPI 3.1 document of ours, and nothing else. */
export const openApi = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({ title: z.string(), description: z.string(), version: z.string() }),
  components: z.strictObject({
    securitySchemes: z.strictObject({ bearer: z.looseObject({ type: z.literal("http") }) }),
    schemas: z.record(z.string(), z.looseObject({})),
  }),
  tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.partialRecord(z.enum(["get", "post"]), operation)),
});
