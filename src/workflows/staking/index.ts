// Every function exported here is a workflow type that stays replayable.
export { signerWorkflow } from "./signer.ts";
export { stakeBridgeWorkflow } from "./stake-bridge.ts";
export { stakeRequestWorkflow } from "./stake-request.ts";
