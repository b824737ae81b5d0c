import type { IncomingHttpHeaders } from "node:http";
import { Problem } from "./problem.ts";

const ownNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Refuses what a web page could make a browser of this machine send to an API without tokens: by a DNS name that
 * points here (then Host is the page's), or straight from another page (then Origin is that page's).
 * @param welcomeOrigin - of the one page that may, where there is one.
 * @throws {Problem}
 */
export function refuseForeignPages(
  headers: IncomingHttpHeaders,
  welcomeOrigin: string | null = null,
): void {
  const { host, origin } = headers;
  if (host === undefined || !ownNames.has(hostNameOf(host))) {
    throw new Problem({
      kind: "foreign-host",
      status: 403,
      title: "The request was sent to another host.",
      detail: "Without tokens the API answers to localhost, 127.0.0.1 and [::1] only.",
      fix: "use one of these names, or set API_TOKENS.",
    });
  }
  if (origin !== undefined && origin === welcomeOrigin) return;
  if (isOfOtherPage(origin, host) || isFromOtherSite(headers["sec-fetch-site"])) {
    throw new Problem({
      kind: "foreign-origin",
      status: 403,
      title: "The request comes from a web page.",
      detail: "Without tokens the API takes nothing from pages of other origins.",
      fix: "call it from a program, or set API_TOKENS.",
    });
  }
}

function hostNameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "");
}

function isOfOtherPage(origin: string | undefined, host: string): boolean {
  return origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
}

/** Browsers send it with every request, also where they send no Origin. */
function isFromOtherSite(site: string | string[] | undefined): boolean {
  return site !== undefined && site !== "same-origin" && site !== "none";
}
