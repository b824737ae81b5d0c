import { describe, expect, test } from "vitest";
import { requestId, SignerModel } from "./signer-model.ts";

const day = 86_400_000;

/** So many requests of as many owners that have their nonces and no signature; the key's worker refuses some of them. */
function withNonces(count: number, refused: readonly number[]): SignerModel {
  const model = new SignerModel();
  for (let number = 1; number <= count; number += 1) model.submitNew(number, number, day);
  for (const number of refused) model.refuseToSign(number);
  model.start("prepare");
  model.happen(0, "heard");
  return model;
}

function signAll(model: SignerModel): void {
  model.start("sign");
  model.happen(0, "heard");
}

const noncesOf = (model: SignerModel) =>
  model.state.slots.map(({ nonce, request }) => [nonce, request?.requestId ?? "noop"]);

describe("a call that the holder of the key never signs", () => {
  test("gives the newest nonce back, and its request hears that it is refused and may be asked again", () => {
    const model = withNonces(1, [1]);
    expect(model.state.nextNonce).toBe(1);
    signAll(model);
    model.deliver(true);

    expect(model.state).toMatchObject({ nextNonce: 0, slots: [], counts: { refusals: 1 } });
    expect(model.outcomes.get(requestId(1))).toMatchObject([
      {
        kind: "returned",
        verdict: { kind: "refused", reason: { code: "signing_refused" }, mayBeAskedAgain: true },
      },
    ]);

    model.submitNew(2, 2, day);
    model.calmDown();
    model.checkOutcomes();
    expect(model.chain.mined).toMatchObject([{ content: { nonce: 0, call: { kind: "stake" } } }]);
  });

  test("below others has its nonce used up by an empty transfer, so that those above are mined", () => {
    const model = withNonces(3, [1]);
    signAll(model);
    expect(noncesOf(model)).toEqual([
      [0, "noop"],
      [1, requestId(2)],
      [2, requestId(3)],
    ]);
    model.calmDown();

    model.checkOutcomes();
    model.checkDeterminism();
    expect(model.chain.mined.map(({ content }) => content.call?.kind ?? "noop")).toEqual([
      "noop",
      "stake",
      "stake",
    ]);
    expect(model.state.counts).toMatchObject({ succeeded: 2, refusals: 1, noops: 1 });
  });

  test("all of them may be refused: no nonce is left behind", () => {
    const model = withNonces(3, [1, 2, 3]);
    for (let times = 0; times < 3; times += 1) signAll(model);
    model.calmDown();
    model.checkOutcomes();
    model.checkChain();
    expect(model.state.counts).toMatchObject({ succeeded: 0, refusals: 3 });
    expect(model.state.nextNonce).toBe(model.chain.mined.length);
  });

  test("that was taken back meanwhile ends as its user wished", () => {
    const model = withNonces(2, [1]);
    model.start("sign");
    model.withdraw(0);
    model.happen(0, "heard");
    model.deliver(true);
    expect(model.outcomes.get(requestId(1))).toEqual([{ kind: "cancelled", nonce: null }]);
    model.calmDown();
    model.checkOutcomes();
  });

  test("an answer that comes twice frees no other request's nonce, and a late signature fits no other request", () => {
    const model = withNonces(1, [1]);
    model.start("sign");
    model.start("sign");
    model.happen(0, "heard");
    model.submitNew(2, 2, day);
    model.start("prepare");
    model.happen(1, "heard");
    expect(noncesOf(model)).toEqual([[0, requestId(2)]]);
    model.happen(0, "heard");
    expect(noncesOf(model)).toEqual([[0, requestId(2)]]);
    expect(model.state.counts.refusals).toBe(1);
  });
});
