import type { FastifyInstance } from "fastify";
import { commonProblems } from "../schemas.ts";

/** The OpenAPI document, made from the routes' schemas; a browser gets a page of it. */
export function addDocsRoute(app: FastifyInstance): void {
  app.get(
    "/api/docs",
    {
      schema: {
        operationId: "readDocs",
        summary: "This document",
        tags: ["docs"],
        security: [],
        response: {
          200: { description: "OpenAPI 3.1", type: "object", additionalProperties: true },
          ...commonProblems,
        },
      },
    },
    async ({ headers }, reply) => {
      const document = app.swagger();
      if (!headers.accept?.includes("text/html")) return document;
      return reply
        .type("text/html; charset=utf-8")
        .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        .send(toPage(document));
    },
  );
}

type Document = {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description?: string;
  };
  readonly paths?: Readonly<Record<string, object | undefined>>;
};

/** The page is plain on purpose: it needs no script and nothing from elsewhere. */
function toPage({ info, paths = {} }: Document): string {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations ?? {}).map(([method, operation]) => {
      const summary =
        typeof operation === "object" && operation !== null && "summary" in operation
          ? String(operation.summary)
          : "";
      return `<tr><td>${method.toUpperCase()}</td><td><code>${escape(path)}</code></td><td>${escape(summary)}</td></tr>`;
    }),
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(info.title)}</title>
<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.2rem 1rem .2rem 0}</style>
<h1>${escape(info.title)} ${escape(info.version)}</h1>
<p>${escape(info.description ?? "")}</p>
<table>${rows.join("\n")}</table>
<p>The whole of it: <code>curl http://HOST/api/docs</code> (OpenAPI 3.1).</p></html>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
