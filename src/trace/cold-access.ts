import { EXTCODECOPY, operationId } from "./opcodes.ts";
import type { Step } from "./step.ts";

/** Costs of EIP-2929 that hold a cold access, of the opcodes whose costs are fixed (traces, section 5.2). */
const coldCosts: (readonly number[] | undefined)[] = [];
coldCosts[operationId("SLOAD")] = [2100];
coldCosts[operationId("SSTORE")] = [2200, 5000, 22_100];
coldCosts[operationId("BALANCE")] = [2600];
coldCosts[operationId("EXTCODESIZE")] = [2600];
coldCosts[operationId("EXTCODEHASH")] = [2600];
coldCosts[operationId("SELFDESTRUCT")] = [7600, 32_600];

const COLD_ACCOUNT_GAS = 2600;

/** Cold accesses of a step that neither halts nor calls, from Berlin on; its memory grew by `expansionGas`. */
export function coldAccesses(step: Step, expansionGas: number): number {
  const costs = coldCosts[step.op];
  if (costs !== undefined) return costs.includes(step.gasCost) ? 1 : 0;
  if (step.op !== EXTCODECOPY) return 0;
  const copying = 3 * Math.ceil(step.words[3]! / 32);
  return step.gasCost - expansionGas - copying === COLD_ACCOUNT_GAS ? 1 : 0;
}

/** Cold accesses in the access part of a CALL*'s cost: the account's and, from Prague on, its delegate's. */
export function coldAccessesOfCall(accessGas: number): number {
  if (accessGas < COLD_ACCOUNT_GAS) return 0;
  return accessGas < 2 * COLD_ACCOUNT_GAS ? 1 : 2;
}
