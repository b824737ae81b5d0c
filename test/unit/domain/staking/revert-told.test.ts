import { expect, test } from "vitest";
import { unexplainedRevert } from "../../../../src/domain/staking/revert-class.ts";
import { receiptsRead, seeAccount } from "../../../../src/domain/staking/settlement.ts";
import type { CheckVerdict } from "../../../../src/domain/staking/stake-call.ts";
import { SignerModel } from "./signer-model.ts";

const notAllowed: CheckVerdict = {
  kind: "wait",
  reason: { code: "DIP_ALLOWANCE_INSUFFICIENT", message: "Not so much is allowed." },
  for: "user",
  notBefore: null,
};
const forgotten: CheckVerdict = {
  kind: "refused",
  reason: unexplainedRevert,
  mayBeAskedAgain: true,
};

/** A request that is mined and reverts; what each of two looks at the receipt says of it, the second when it is final. */
function outcomeOf(
  atMined: CheckVerdict,
  atFinal: CheckVerdict,
  between: (model: SignerModel) => void,
) {
  const model = new SignerModel();
  model.submitNew(1, 1, 86_400_000);
  const call = model.state.queue[0]?.call;
  if (call) model.chain.outOfGas.add(call.signature);
  model.round(false);
  model.chain.mine();
  look(model, atMined);
  between(model);
  for (let blocks = 0; blocks < 5; blocks += 1) model.chain.mine();
  look(model, atFinal);
  return model.state.notices.find(({ kind }) => kind === "settled")?.body;
}

function look(model: SignerModel, verdict: CheckVerdict): void {
  const asOf = model.chain.view();
  const seen = seeAccount(model.state, asOf, [], model.nowMs);
  const items = seen.slots.map(({ nonce, attempts }) => {
    const receipt = model.chain.receipt(attempts.map(({ hash }) => hash));
    return { nonce, receipt: receipt && { ...receipt, verdict } };
  });
  model.state = receiptsRead(seen, { asOf, items }, model.nowMs);
}

const nothing = () => {};

test("why a transaction reverted is what was told when it was mined, where the node has forgotten it when it is final", () => {
  const outcome = outcomeOf(notAllowed, forgotten, nothing);
  expect(outcome).toMatchObject({ kind: "reverted", verdict: notAllowed });
  expect(outcome).toMatchObject({ reason: { code: "DIP_ALLOWANCE_INSUFFICIENT" } });
});

test("a reason that is found only when it is final counts", () => {
  expect(outcomeOf(forgotten, notAllowed, nothing)).toMatchObject({ verdict: notAllowed });
});

test("what was told of a block that left the chain does not count", () => {
  const outcome = outcomeOf(notAllowed, forgotten, (model) => {
    model.chain.reorg(1);
    look(model, forgotten);
    model.round(false);
    model.chain.mine();
  });
  expect(outcome).toMatchObject({ kind: "reverted", verdict: forgotten });
});
