/** Where clients differ in what their struct logger and callTracer say (traces, section 1.2). */
export type ClientQuirks = {
  /**
   * Whether the client's traces were measured under this proof. Of another one more is accepted, and where that could
   * hide a hole, the block ends unverified: no client is refused by its name.
   */
  readonly isMeasured: boolean;
  /** The trace's `gas` is the block's cumulative gas, in the callTracer's root too. */
  readonly gasIsCumulative: boolean;
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
  /** A transaction to an account without code comes with one STOP, as if it had run. */
  readonly logsPlainTransfers: boolean;
};

const geth: ClientQuirks = {
  isMeasured: true,
  gasIsCumulative: false,
  haltsSilently: true,
  refundHoldsAuthorizations: true,
  refundBeforeStep: false,
  rootGasIsLimit: true,
  runsOldForksAtLaterCosts: false,
  logsPlainTransfers: false,
};

const anvil: ClientQuirks = {
  isMeasured: true,
  gasIsCumulative: true,
  haltsSilently: false,
  refundHoldsAuthorizations: false,
  refundBeforeStep: true,
  rootGasIsLimit: false,
  runsOldForksAtLaterCosts: true,
  logsPlainTransfers: false,
};

/** Erigon, nethermind, reth, and every name that nobody knows: each refund counter that a client may mean is tried. */
const unmeasured: ClientQuirks = {
  isMeasured: false,
  gasIsCumulative: false,
  haltsSilently: true,
  refundHoldsAuthorizations: false,
  refundBeforeStep: true,
  rootGasIsLimit: true,
  runsOldForksAtLaterCosts: false,
  logsPlainTransfers: false,
};

const besu: ClientQuirks = { ...unmeasured, logsPlainTransfers: true };

/** The quirks of the client that `web3_clientVersion` names. */
export function quirksOf(clientVersion: string): ClientQuirks {
  if (/^anvil/i.test(clientVersion)) return anvil;
  if (/^geth/i.test(clientVersion)) return geth;
  return /^besu/i.test(clientVersion) ? besu : unmeasured;
}
