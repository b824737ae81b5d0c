import { createWalletClient, http, parseAbi, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { anvil } from "viem/chains";
import type { StakeCall } from "../../src/domain/staking/stake-call.ts";
import type { StakingChain } from "./staking-chain.ts";

const abi = parseAbi([
  "function createStakeWithSignature(address owner, uint96 target, uint256 dipAmount, bytes32 signatureId, bytes signature) returns (uint96 stakeId)",
]);
const maxFeePerGas = 30_000_000_000n;

/**
 * The reference's design on its own: estimate, send at the pool's nonce, wait for one confirmation, the next.
 * Without its queue, database and the 4 s between two looks of its client: what is left is the design.
 * @returns Seconds that it took.
 */
export async function submitOneAtATime(
  { url, contracts }: StakingChain,
  requests: readonly StakeCall[],
  privateKey: `0x${string}`,
): Promise<number> {
  const client = createWalletClient({
    account: privateKeyToAccount(privateKey),
    chain: anvil,
    transport: http(url),
    pollingInterval: 50,
  }).extend(publicActions);
  const startedAt = Date.now();
  for (const request of requests) {
    if (request.kind !== "stake") continue;
    const { owner, target, dipAmount, signatureId, signature } = request;
    const call = {
      address: contracts.stakingAddress,
      abi,
      functionName: "createStakeWithSignature",
      args: [owner, BigInt(target), BigInt(dipAmount), signatureId, signature],
    } as const;
    const gas = await client.estimateContractGas(call);
    const { address } = client.account;
    const nonce = await client.getTransactionCount({ address, blockTag: "pending" });
    const hash = await client.writeContract({ ...call, gas, nonce, maxFeePerGas });
    const receipt = await client.waitForTransactionReceipt({ hash, confirmations: 1 });
    if (receipt.status !== "success") throw new Error(`${hash} reverted`);
  }
  return (Date.now() - startedAt) / 1000;
}
