import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { urlToHttpOptions } from "node:url";
import type { Endpoint } from "./endpoint.ts";

/** Sends a body and answers as soon as the response's head is there; aborting closes the socket. */
export type HttpPost = (
  body: Buffer,
  signal: AbortSignal,
  more?: Readonly<Record<string, string>>,
) => Promise<IncomingMessage>;

/**
 * Creates the way of JSON-RPC requests to an endpoint, over sockets that are kept alive. node:http and not fetch: a
 * small call costs a third of the CPU (measured), and light blocks consist of small calls.
 */
export function createHttpPost({ url, headers }: Endpoint): HttpPost {
  const isTls = new URL(url).protocol === "https:";
  const agent = new (isTls ? HttpsAgent : HttpAgent)({ keepAlive: true });
  const request = isTls ? httpsRequest : httpRequest;
  const target = { ...urlToHttpOptions(new URL(url)), method: "POST", agent };
  return function post(body, signal, more = {}) {
    return new Promise((resolve, reject) => {
      const sent = request({
        ...target,
        signal,
        headers: {
          ...headers,
          ...more,
          "content-type": "application/json",
          "content-length": body.length,
        },
      });
      let isAnswered = false;
      sent.on("response", (response) => {
        isAnswered = true;
        resolve(response);
      });
      sent.on("error", (error: NodeJS.ErrnoException) => {
        // What breaks an answer that has begun is told by the response.
        if (isAnswered) return;
        // The node closed a kept socket while we wrote: no request was served, so send it again on another one.
        const isClosed = error.code === "ECONNRESET" || error.code === "EPIPE";
        if (sent.reusedSocket && isClosed) resolve(post(body, signal, more));
        else reject(error);
      });
      sent.end(body);
    });
  };
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
