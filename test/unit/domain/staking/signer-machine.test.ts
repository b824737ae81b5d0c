import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SignerModel } from "./signer-model.ts";

/** One thing that happens; the numbers choose among what is there. */
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      owner: fc.nat(4),
      hours: fc.constantFrom(0.02, 24, 24, 24),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("again" as const, "withdraw" as const),
      pick: fc.nat(20),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("start" as const),
      lane: fc.constantFrom(
        "prepare" as const,
        "sign" as const,
        "send" as const,
        "watch" as const,
        "read" as const,
      ),
      lag: fc.constantFrom(0, 0, 0, 1, 3),
    }),
  },
  {
    weight: 24,
    arbitrary: fc.record({
      kind: fc.constant("happen" as const),
      pick: fc.nat(6),
      answer: fc.constantFrom(
        "heard" as const,
        "heard" as const,
        "heard" as const,
        "lost" as const,
        "twice" as const,
      ),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("mine" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1000, 6000, 16_000, 31_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("drop" as const, "foreign" as const, "crash" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("round" as const), isMined: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("reorg" as const),
      depth: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("baseFee" as const),
      gwei: fc.constantFrom(1, 2, 10, 40),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("cap" as const), gwei: fc.constantFrom(5, 30, 60) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("pause" as const, "bump" as const, "empty" as const, "fill" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("deliver" as const), isAcknowledged: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("chain" as const),
      what: fc.constantFrom("takesNothing", "unready", "outOfGas", "unsignable"),
    }),
  },
);

type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never;

function run(model: SignerModel, events: readonly Event[]): void {
  let number = 0;
  for (const happening of events) {
    if (happening.kind === "submit") {
      number += 1;
      model.submitNew(number, happening.owner + 1, happening.hours * 3_600_000);
    } else apply(model, happening);
    model.checkChain();
  }
}

function apply(model: SignerModel, happening: Exclude<Event, { kind: "submit" }>): void {
  const { chain } = model;
  switch (happening.kind) {
    case "again":
      return model.submitAgain(happening.pick, 86_400_000);
    case "withdraw":
      return model.withdraw(happening.pick);
    case "start":
      return model.start(happening.lane, happening.lag);
    case "round":
      return model.round(happening.isMined);
    case "happen":
      return model.happen(happening.pick, happening.answer);
    case "mine":
      return chain.mine();
    case "wait":
      model.nowMs += happening.ms;
      return undefined;
    case "drop":
      return chain.drop();
    case "foreign":
      return chain.mineForeign();
    case "crash":
      return model.crash();
    case "reorg":
      return chain.reorg(happening.depth);
    case "baseFee":
      chain.baseFee = BigInt(happening.gwei) * 1_000_000_000n;
      return undefined;
    case "cap":
      return model.setCap(`${happening.gwei}000000000`);
    case "pause":
      return model.pause(!model.state.paused);
    case "bump":
      return model.bump();
    case "empty":
      return chain.fund(1_050_000_000_000_000_000n - chain.balance);
    case "fill":
      return chain.fund(10n ** 19n);
    case "deliver":
      return model.deliver(happening.isAcknowledged);
    case "chain":
      return upset(model, happening.what);
  }
}

function upset({ chain, state }: SignerModel, what: string): void {
  const call = (state.queue[0] ?? state.slots.at(-1)?.request)?.call;
  if (what === "takesNothing") chain.takesNothing = !chain.takesNothing;
  if (what === "unready" && call) chain.unready.add(call.owner);
  if (what === "unsignable" && call) chain.unsignable.add(call.signature);
  if (what === "outOfGas" && call && state.queue[0]) chain.outOfGas.add(call.signature);
}

describe("the signer's state machine", () => {
  test("46. under any order of events: one nonce a request, no gap, fees that replace, costs that are covered, and one true outcome", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 20, maxLength: 200, size: "max" }), (events) => {
        const model = new SignerModel();
        run(model, events);
        model.calmDown();
        model.checkChain();
        model.checkOutcomes();
        model.checkDeterminism();
      }),
      { numRuns: 200 },
    );
  }, 120_000);

  test("an owner's count of a day is that of its requests which got a nonce on it, whatever became of their nonces", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 20, maxLength: 120, size: "max" }), (events) => {
        const model = new SignerModel({
          policy: { perOwnerPerDay: 2 },
          startsAt: "2026-11-24T23:59:00.000Z",
        });
        run(model, events);
        model.calmDown();
        model.checkOutcomes();
      }),
      { numRuns: 100 },
    );
  }, 120_000);

  test("serves fifty requests in a calm world, each with one transaction", () => {
    const model = new SignerModel();
    for (let number = 1; number <= 50; number += 1) model.submitNew(number, number, 86_400_000);
    model.calmDown();
    model.checkOutcomes();
    expect(model.chain.mined).toHaveLength(50);
    expect(model.state.counts).toMatchObject({
      succeeded: 50,
      bumps: 0,
      noops: 0,
      rebroadcasts: 0,
    });
  });
});
