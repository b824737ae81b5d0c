import type { NodeConfig } from "../config/load-config.ts";

/** Where a node is; credentials stand in the headers, never in the url. */
export type Endpoint = {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Moves `user:password@` of a url into the header that it stands for: node:http would drop it. */
export function toEndpoint(node: Pick<NodeConfig, "name" | "url" | "headers">): Endpoint {
  const url = new URL(node.url);
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  return {
    name: node.name,
    url: url.toString(),
    headers: {
      ...(credentials === ":"
        ? {}
        : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }),
      ...node.headers,
    },
  };
}

/** Whether a url points at this machine: the link costs nothing. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(hostname);
}
