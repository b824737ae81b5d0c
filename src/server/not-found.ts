import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import { Problem } from "./problem.ts";

type Route = { readonly methods: readonly string[]; readonly pattern: RegExp };

/** Notes every route that is added from here on. @returns the error for a request that none of them takes. */
export function watchRoutes(app: FastifyInstance): (request: FastifyRequest) => Problem {
  const routes: Route[] = [];
  app.addHook("onRoute", ({ method, url }: RouteOptions) => {
    const pattern = new RegExp(`^${url.replaceAll(/:\w+/g, "[^/]+")}$`);
    routes.push({ methods: [method].flat(), pattern });
  });
  return ({ method, url }) => {
    const [path = ""] = url.split("?");
    const allowed = routes
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((one) => one.methods);
    return allowed.length === 0 ? notFound(path) : notAllowed(method, [...new Set(allowed)]);
  };
}

function notFound(path: string): Problem {
  return new Problem({
    kind: "not-found",
    status: 404,
    title: "There is nothing here.",
    detail: path.slice(0, 200),
    fix: "/api/docs lists what there is.",
  });
}

function notAllowed(method: string, allowed: readonly string[]): Problem {
  const list = allowed.join(", ");
  return new Problem({
    kind: "method-not-allowed",
    status: 405,
    title: "That is no method of this path.",
    detail: `${method} is not one of ${list}.`,
    fix: `use ${list}.`,
    headers: { allow: list },
  });
}
