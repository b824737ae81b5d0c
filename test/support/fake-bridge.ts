import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import type {
  CheckCall,
  Poison,
  RequestStarter,
  StartedRequest,
} from "../../src/activities/staking/bridge-ports.ts";
import {
  createPumpStream,
  type PumpDependencies,
} from "../../src/activities/staking/pump-stream.ts";
import { createRequestStream, type StreamOptions } from "../../src/staking/redis-stream.ts";
import type { PumpResult } from "../../src/workflows/staking/stake-activities.ts";
import { streamKey } from "./stake-producer.ts";

export const bridgeGroup = "staking-backend-processor";
export const bridgeConsumer = "staking-backend-processor-consumer";

/** What a pump run did to the world beside Redis. */
export type FakeBridge = {
  readonly started: Parameters<RequestStarter["start"]>[0][];
  readonly poison: Poison[];
  readonly checked: Parameters<CheckCall>[0][];
  /** What the next starts answer or throw; default: a new run the first time, a known one afterwards. */
  onStart: (request: Parameters<RequestStarter["start"]>[0]) => Promise<StartedRequest>;
  onCheck: CheckCall;
  readonly pump: (options?: {
    readonly maximumSeconds?: number;
    readonly stream?: Partial<StreamOptions>;
  }) => PumpRun;
};
export type PumpRun = { readonly result: Promise<PumpResult>; readonly cancel: () => void };

/** The real pump over a real Redis; requests are only noted. */
export function fakeBridge(url: string): FakeBridge {
  const known = new Map<string, StartedRequest>();
  const bridge: FakeBridge = {
    started: [],
    poison: [],
    checked: [],
    onStart: async ({ call, entity }) => {
      const requestId = `stake/31337/${call.signature.slice(0, 20)}`;
      const before = known.get(requestId);
      if (before) return before;
      known.set(requestId, { requestId, isNew: false, entity });
      return { requestId, isNew: true, entity };
    },
    onCheck: async () => ({ kind: "ready", gasLimit: "700000" }),
    pump({ maximumSeconds = 1, stream = {} } = {}) {
      const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") });
      const dependencies: PumpDependencies = {
        stream: createRequestStream({ ...streamDefaults(url), ...stream }),
        requests: {
          start: async (request) => {
            const answer = await bridge.onStart(request);
            if (answer.isNew) bridge.started.push(request);
            return answer;
          },
        },
        checkCall: async (input) => {
          bridge.checked.push(input);
          return bridge.onCheck(input);
        },
        requestRows: {
          record: async () => {},
          recordPoison: async (poison) => void bridge.poison.push(poison),
        },
        meters: { stakeOutcome() {}, streamEntry() {}, streamQueue() {}, signerBalance() {} },
        now: () => new Date(),
      };
      const result: Promise<PumpResult> = environment.run(createPumpStream(dependencies), {
        chainId: 31337,
        maximumSeconds,
      });
      result.catch(() => {});
      return { result, cancel: () => environment.cancel() };
    },
  };
  return bridge;
}

function streamDefaults(url: string): StreamOptions {
  return {
    url,
    streamKey,
    group: bridgeGroup,
    consumer: bridgeConsumer,
    readBlockMs: 200,
    shadow: false,
  };
}
