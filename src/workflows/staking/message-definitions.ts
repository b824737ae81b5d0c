import type { RawValue } from "@temporalio/common";
import { rawValueTypeInfo } from "@temporalio/common";
import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import type { SignerPolicy, StakeOutcome, StakeProgress, SubmitAnswer } from "./messages.ts";
import { stakeMessageNames } from "./messages.ts";
import type { StakeRequestStatus } from "./request-shapes.ts";
import type { SignerStatus } from "./signer-shapes.ts";

/** Bodies arrive undecoded: one that is no JSON would fail the workflow task again and again (see ../message-definitions.ts). */
const undecoded = { typeInfo: { inputTypes: [rawValueTypeInfo, rawValueTypeInfo] } };

export const submitSignal = defineSignal<RawValue[]>(stakeMessageNames.submit, undecoded);
export const withdrawSignal = defineSignal<RawValue[]>(stakeMessageNames.withdraw, undecoded);
export const cancelSignal = defineSignal<RawValue[]>(stakeMessageNames.cancel, undecoded);
export const progressedSignal = defineSignal<RawValue[]>(stakeMessageNames.progressed, undecoded);
export const settledSignal = defineSignal<RawValue[]>(stakeMessageNames.settled, undecoded);

/** The same names as one workflow sends them to another. */
export const sentSubmit = defineSignal<[unknown]>(stakeMessageNames.submit);
export const sentWithdraw = defineSignal<[unknown]>(stakeMessageNames.withdraw);
export const sentProgressed = defineSignal<[StakeProgress]>(stakeMessageNames.progressed);
export const sentSettled = defineSignal<[StakeOutcome]>(stakeMessageNames.settled);

// What a person or another program sends is `unknown` until a handler has looked at it.
export const submitUpdate = defineUpdate<SubmitAnswer, [unknown]>(stakeMessageNames.submit);
export const pauseUpdate = defineUpdate<{ paused: boolean }>(stakeMessageNames.pause);
export const resumeUpdate = defineUpdate<{ paused: boolean }>(stakeMessageNames.resume);
export const setPolicyUpdate = defineUpdate<SignerPolicy, [unknown]>(stakeMessageNames.setPolicy);
export const bumpUpdate = defineUpdate<{ nonces: readonly number[] }, [unknown]>(
  stakeMessageNames.bump,
);

export const signerStatusQuery = defineQuery<SignerStatus>(stakeMessageNames.status);
export const requestStatusQuery = defineQuery<StakeRequestStatus>(stakeMessageNames.status);
