import { expect, test } from "vitest";
import { toSend } from "../../../../src/domain/staking/attempts.ts";
import { requestId, SignerModel } from "./signer-model.ts";

/** A request of an hour that has a nonce and signed bytes, which no node was there to take. */
function withSigned(): SignerModel {
  const model = new SignerModel();
  model.submitNew(1, 1, 3_600_000);
  model.start("prepare");
  model.happen(0, "heard");
  model.start("sign");
  model.happen(0, "heard");
  return model;
}

test("what expired while no node was there is not sent when one comes, before anybody has looked at the clock", () => {
  const model = withSigned();
  expect(toSend(model.state, model.nowMs + 3_599_999)).toHaveLength(1);
  expect(toSend(model.state, model.nowMs + 3_600_000)).toEqual([]);

  model.nowMs += 3_600_000;
  model.calmDown();
  expect(model.outcomes.get(requestId(1))).toMatchObject([{ kind: "expired", nonce: 0 }]);
  expect(model.chain.mined).toMatchObject([{ content: { nonce: 0, call: null } }]);
});

test("where the cap lets nothing take its place it is sent all the same: a nonce without bytes would hold up all above it", () => {
  const model = withSigned();
  model.setCap("1");
  expect(toSend(model.state, model.nowMs + 3_600_000)).toHaveLength(1);
});
