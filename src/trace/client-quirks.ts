/** Where clients differ in what their struct logger says (traces, section 1.2). */
export type ClientQuirks = {
  /** The trace's `gas` is the block's cumulative gas, in the callTracer's root too. */
  readonly gasIsCumulative: boolean;
  /** gasCost of CREATE* includes the gas handed on. */
  readonly createCostIncludesForwarded: boolean;
  /** Steps that halt may come without any sign (JUMP, RETURNDATACOPY, LOG in a static call). */
  readonly haltsSilently: boolean;
  /** The refund counter holds the 7702 refunds from the first step on. */
  readonly refundHoldsAuthorizations: boolean;
  /** The counter of a SELFDESTRUCT is the one before it. */
  readonly refundBeforeStep: boolean;
  /** The callTracer's root has the gas limit as its gas, not what is left of it after the intrinsic gas. */
  readonly rootGasIsLimit: boolean;
  /**
   * Forks before Berlin are run at some later costs: EXP 50 a byte, SSTORE as from Berlin on, SELFDESTRUCT with
   * the cold access (measured, anvil 1.7.1).
   */
  readonly runsOldForksAtLaterCosts: boolean;
};

const geth: ClientQuirks = {
  gasIsCumulative: false,
  createCostIncludesForwarded: false,
  haltsSilently: true,
  refundHoldsAuthorizations: true,
  refundBeforeStep: false,
  rootGasIsLimit: true,
  runsOldForksAtLaterCosts: false,
};

const anvil: ClientQuirks = {
  gasIsCumulative: true,
  createCostIncludesForwarded: true,
  haltsSilently: false,
  refundHoldsAuthorizations: false,
  refundBeforeStep: true,
  rootGasIsLimit: false,
  runsOldForksAtLaterCosts: true,
};

/** The quirks of the client that `web3_clientVersion` names; geth's form where it is unknown. */
export function quirksOf(clientVersion: string): ClientQuirks {
  return /^anvil/i.test(clientVersion) ? anvil : geth;
}
