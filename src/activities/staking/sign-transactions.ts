import type { Hex } from "../../domain/chain.ts";
import { parseStakeCall } from "../../domain/staking/parse-stake-call.ts";
import type { StakeCall } from "../../domain/staking/stake-call.ts";
import { SigningRefusedError } from "../../errors.ts";
import type {
  SignedTransaction,
  StakeActivities,
  UnsignedTransaction,
} from "../../workflows/staking/stake-activities.ts";
import type { CallEncoder, TransactionSigner, TransactionToSign } from "./ports.ts";

export type SigningDependencies = {
  readonly signer: TransactionSigner;
  readonly encoder: CallEncoder;
  readonly chainId: number;
  /** The only contract that is called, lower case. */
  readonly contractAddress: Hex;
  /** Wei per gas that no transaction may offer more of, whatever a workflow's policy says. */
  readonly feeCapWei: bigint;
};

/**
 * Signs; nothing leaves this process. Whoever can write to its task queue gets no more than the two calls on the one
 * contract, and empty transfers of the account to itself. Repeatable: a local key gives the same bytes again.
 * @throws {SigningRefusedError} For anything else; then nothing of the batch is signed.
 */
export function createSignTransactions(
  dependencies: SigningDependencies,
): StakeActivities["signTransactions"] {
  const { signer, chainId } = dependencies;
  return async function signTransactions(input): Promise<{ items: SignedTransaction[] }> {
    if (input.chainId !== chainId) throw refused(`chain ${input.chainId} instead of ${chainId}`);
    if (input.address !== signer.address) throw refused(`another address: ${input.address}`);
    const transactions = input.items.map((item) => toTransaction(item, dependencies));
    const items = await Promise.all(
      transactions.map(async (transaction) => ({
        nonce: transaction.nonce,
        ...(await signer.sign(transaction)),
      })),
    );
    return { items };
  };
}

function toTransaction(
  { nonce, gasLimit, maxFeePerGasWei, maxPriorityFeePerGasWei, call }: UnsignedTransaction,
  { signer, encoder, chainId, contractAddress, feeCapWei }: SigningDependencies,
): TransactionToSign {
  if (!Number.isSafeInteger(nonce) || nonce < 0) throw refused(`nonce ${nonce}`);
  const maxFeePerGas = readWei("maxFeePerGasWei", maxFeePerGasWei);
  const maxPriorityFeePerGas = readWei("maxPriorityFeePerGasWei", maxPriorityFeePerGasWei);
  if (maxFeePerGas > feeCapWei) {
    throw refused(`${maxFeePerGas} wei per gas; this worker's cap is ${feeCapWei}`);
  }
  if (maxPriorityFeePerGas > maxFeePerGas) throw refused("the tip is above the whole fee");
  return {
    chainId,
    nonce,
    to: call === null ? signer.address : contractAddress,
    data: call === null ? "0x" : encodeAllowed(call, encoder),
    gasLimit: readWei("gasLimit", gasLimit),
    maxFeePerGas,
    maxPriorityFeePerGas,
  };
}

function encodeAllowed(call: StakeCall, encoder: CallEncoder): Hex {
  const parsed = parseStakeCall(call);
  if (parsed.kind === "refused") {
    throw refused(parsed.reasons.map(({ message }) => message).join(" "));
  }
  const data = encoder.encode(parsed.call);
  const selector = data.slice(0, 10);
  if (!encoder.selectors.some((allowed) => allowed === selector)) {
    throw refused(`the function ${selector}`);
  }
  return data;
}

function readWei(field: string, text: string): bigint {
  if (/^\d{1,30}$/.test(text)) return BigInt(text);
  throw refused(`${field} is no number`);
}

function refused(reason: string): SigningRefusedError {
  return new SigningRefusedError({ reason });
}
