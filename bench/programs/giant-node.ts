import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { gasOfGiant, giantTrace } from "./giant-trace.ts";

// Before a real node: answers the struct logs of one block itself and passes all else on.
// `giant-node.ts SETTING`, prints `listening PORT`.

export type GiantNodeSetting = {
  readonly url: string;
  readonly blockHash: string;
  readonly transactionHash: string;
  readonly gasLimit: number;
  readonly gasUsed: number;
  readonly rounds: number;
};
const setting: GiantNodeSetting = JSON.parse(process.argv[2] ?? "{}");

async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part);
  const body = Buffer.concat(parts);
  const asked: { id?: number; method?: string; params?: unknown[] } = JSON.parse(body.toString());
  const [hash, options] = asked.params ?? [];
  const isSteps = typeof options === "object" && options !== null && !("tracer" in options);
  if (asked.method === "debug_traceBlockByHash" && hash === setting.blockHash && isSteps) {
    await sendGiant(response, asked.id ?? 0);
  } else {
    await passOn(body, response);
  }
}

async function sendGiant(response: ServerResponse, id: number): Promise<void> {
  const { rounds, gasLimit, gasUsed, transactionHash } = setting;
  const firstGas = gasLimit - (gasUsed - gasOfGiant(rounds));
  response.setHeader("content-type", "application/json");
  for (const part of giantTrace({ id, rounds, firstGas, gasUsed, transactionHash })) {
    if (response.write(part, "latin1")) continue;
    await Promise.race([once(response, "drain"), once(response, "close")]);
    if (response.destroyed) return;
  }
  response.end();
}

async function passOn(body: Buffer, response: ServerResponse): Promise<void> {
  const headers = { "content-type": "application/json", "content-length": body.length };
  const sent = request(setting.url, { method: "POST", headers });
  sent.end(body);
  const [answer]: IncomingMessage[] = await once(sent, "response");
  answer?.pipe(response);
}

const server = createServer((incoming, response) => {
  serve(incoming, response).catch(() => response.destroy());
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
console.log(`listening ${typeof address === "object" ? address?.port : ""}`);
