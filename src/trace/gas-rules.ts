import { type Fork, isAtLeast } from "../domain/fork.ts";
import type { ClientQuirks } from "./client-quirks.ts";
import { coldAccessesOfCall } from "./cold-access.ts";
import { expansionGas, memoryWordsAfter } from "./memory.ts";
import {
  CALL,
  CALLCODE,
  type CostKind,
  CREATE2,
  constantGas,
  costKindOf,
  introducedIn,
  knownOperationNames,
  operationId,
} from "./opcodes.ts";
import type { Step } from "./step.ts";

/** Gas of a call or a creation before its callee runs. */
export type Forwarding = {
  /** What the opcode itself costs. */
  readonly overhead: number;
  /** What leaves the caller for the callee. */
  readonly forwarded: number;
  /** What the callee starts with: forwarded and stipend. */
  readonly given: number;
  readonly movesValue: boolean;
  /** Cold accesses of a call; NaN where they cannot be known. */
  readonly coldAccesses: number;
};

const FIXED = 0;
const MEMORY = 1;
const COPY = 2;
const KECCAK = 3;
const LOG = 4;
const EXP = 5;
const STATE = 6;
const EXTERNAL_COPY = 7;
const UNCHECKED = 8;
const kindCodes: Readonly<Record<CostKind | "unknown", number>> = {
  fixed: FIXED,
  memory: MEMORY,
  copy: COPY,
  keccak: KECCAK,
  log: LOG,
  exp: EXP,
  state: STATE,
  extcodecopy: EXTERNAL_COPY,
  call: UNCHECKED,
  create: UNCHECKED,
  halt: UNCHECKED,
  unknown: UNCHECKED,
};
const kinds = new Uint8Array(0x10000).fill(UNCHECKED);
for (const id of knownOperationNames.keys()) kinds[id] = kindCodes[costKindOf(id)];

const CALL_VALUE_GAS = 9000;
export const CALL_STIPEND = 2300;
const NEW_ACCOUNT_GAS = 25_000;
const CREATE_GAS = 32_000;
const COLD_ACCOUNT_GAS = 2600;

/** The gas schedule of one fork, Frontier to Osaka (yellow paper and EIPs; traces, sections 5.2 and 6). */
export class GasRules {
  readonly fork: Fork;
  /** 1 for opcodes that always halt: INVALID, undefined ones and those of later forks. */
  readonly alwaysHalts = new Uint8Array(0x10000);
  private readonly expByteGas: number;
  private readonly accountAccess: readonly number[];
  private readonly callAccess: readonly number[];
  private readonly stateCosts: (readonly number[] | undefined)[];
  private readonly initCodeWordGas: number;
  private readonly keepsOne64th: boolean;
  private readonly newAccountWithoutValue: boolean;

  /** The rules of a fork as a client runs it; one object for all blocks. */
  static of(fork: Fork, { runsOldForksAtLaterCosts }: ClientQuirks): GasRules {
    const key = `${fork} ${runsOldForksAtLaterCosts}`;
    const rules = made.get(key) ?? new GasRules(fork, runsOldForksAtLaterCosts);
    made.set(key, rules);
    return rules;
  }

  private constructor(fork: Fork, runsOldForksAtLaterCosts: boolean) {
    const since = (gate: Fork) => isAtLeast(fork, gate);
    this.fork = fork;
    this.expByteGas = since("spurious") || runsOldForksAtLaterCosts ? 50 : 10;
    this.accountAccess = accountAccessGas(since);
    this.callAccess = callAccessGas(since);
    this.stateCosts = stateCostsOf(since);
    if (runsOldForksAtLaterCosts && !since("berlin")) addLaterCosts(this.stateCosts);
    this.initCodeWordGas = since("shanghai") ? 2 : 0;
    this.keepsOne64th = since("tangerine");
    this.newAccountWithoutValue = !since("spurious");
    for (const id of knownOperationNames.keys()) {
      const gate = introducedIn(id);
      if (gate === null) continue;
      if (costKindOf(id) === "halt" || !since(gate)) this.alwaysHalts[id] = 1;
    }
  }

  /**
   * Whether a step that neither halts nor calls costs what the fork says, its memory growing to `words`.
   * Gives the expected cost where it differs, -1 where it is right.
   */
  wrongCost(step: Step, wordsBefore: number, words: number): number {
    const { op, gasCost } = step;
    let expected = constantGas[op]!;
    switch (kinds[op]) {
      case FIXED:
        break;
      case MEMORY:
        expected += expansionGas(wordsBefore, words);
        break;
      case COPY:
        expected += 3 * wordCount(step.words[2]!) + expansionGas(wordsBefore, words);
        break;
      case KECCAK:
        expected += 6 * wordCount(step.words[1]!) + expansionGas(wordsBefore, words);
        break;
      case LOG:
        expected += 8 * step.words[1]! + expansionGas(wordsBefore, words);
        break;
      case EXP:
        expected += this.expByteGas * Math.ceil(step.digits[1]! / 2);
        break;
      case STATE:
        return this.stateCosts[op]?.includes(gasCost) ? -1 : (this.stateCosts[op]?.[0] ?? 0);
      case EXTERNAL_COPY: {
        const copying = 3 * wordCount(step.words[3]!) + expansionGas(wordsBefore, words);
        return this.accountAccess.includes(gasCost - copying)
          ? -1
          : copying + (this.accountAccess[0] ?? 0);
      }
      default:
        return -1;
    }
    return expected === gasCost ? -1 : expected;
  }

  /**
   * The same where no operand is known: at least the constant part, exactly the fixed costs.
   * Gives the least cost where the step's is impossible, else -1.
   */
  impossibleCost(step: Step): number {
    const { op, gasCost } = step;
    const least = constantGas[op]!;
    switch (kinds[op]) {
      case FIXED:
        return gasCost === least ? -1 : least;
      case MEMORY:
      case COPY:
      case KECCAK:
      case LOG:
        return gasCost >= least ? -1 : least;
      case EXP: {
        const bytes = (gasCost - least) / this.expByteGas;
        return Number.isInteger(bytes) && bytes >= 0 && bytes <= 32 ? -1 : least;
      }
      case STATE:
        return this.stateCosts[op]?.includes(gasCost) ? -1 : (this.stateCosts[op]?.[0] ?? 0);
      case EXTERNAL_COPY:
        return gasCost >= this.accountAccess[0]! ? -1 : this.accountAccess[0]!;
      default:
        return -1;
    }
  }

  /** Whether a CALL* may cost and hand on what the callTracer says. */
  isPossibleCall(step: Step, { overhead, forwarded, movesValue }: Forwarding): boolean {
    const least = this.callAccess[0]! + (movesValue ? CALL_VALUE_GAS : 0);
    const most = this.mostForwarded(step.gas - overhead);
    return overhead >= least && forwarded >= 0 && forwarded <= most;
  }

  /** Whether a CREATE* may cost and hand on what the callTracer says. */
  isPossibleCreation(step: Step, { overhead, forwarded }: Forwarding): boolean {
    return overhead >= CREATE_GAS && forwarded === this.mostForwarded(step.gas - overhead);
  }

  /**
   * Finds what a CALL* costs by itself and what it hands on: the one overhead of the fork that, with the gas
   * handed on, makes the step's cost (5.2). Null: none does.
   */
  solveCall(step: Step, expansion: number, isPrecompile: boolean): Forwarding | null {
    const { op, gas, gasCost, words } = step;
    const movesValue = (op === CALL || op === CALLCODE) && words[2]! > 0;
    const fixed = expansion + (movesValue ? CALL_VALUE_GAS : 0);
    const mayCreate = op === CALL && (movesValue || this.newAccountWithoutValue);
    const accesses = isPrecompile ? this.callAccess.slice(0, 1) : this.callAccess;
    for (const access of accesses) {
      for (const newAccount of mayCreate ? [0, NEW_ACCOUNT_GAS] : [0]) {
        const overhead = access + fixed + newAccount;
        const forwarded = this.forwarded(gas - overhead, words[0]!);
        if (overhead + forwarded === gasCost) {
          return {
            overhead,
            forwarded,
            given: forwarded + (movesValue ? CALL_STIPEND : 0),
            movesValue,
            coldAccesses: coldAccessesOfCall(access),
          };
        }
      }
    }
    return null;
  }

  /** What a CREATE* costs by itself and hands on. */
  creation(step: Step, expansion: number): Forwarding {
    const perWord = this.initCodeWordGas + (step.op === CREATE2 ? 6 : 0);
    const overhead = CREATE_GAS + perWord * wordCount(step.words[2]!) + expansion;
    const forwarded = this.mostForwarded(step.gas - overhead);
    return { overhead, forwarded, given: forwarded, movesValue: false, coldAccesses: 0 };
  }

  private forwarded(left: number, operand: number): number {
    return this.keepsOne64th ? Math.min(operand, this.mostForwarded(left)) : operand;
  }

  /** All but one 64th of the gas left (EIP-150). */
  private mostForwarded(left: number): number {
    return this.keepsOne64th ? left - Math.floor(left / 64) : left;
  }
}

const made = new Map<string, GasRules>();

/** Words of memory after a step, and the gas of their growth. */
export function growMemory(step: Step, wordsBefore: number): { words: number; expansion: number } {
  const words = memoryWordsAfter(step, wordsBefore);
  return { words, expansion: expansionGas(wordsBefore, words) };
}

function wordCount(bytes: number): number {
  return Math.ceil(bytes / 32);
}

type Since = (gate: Fork) => boolean;

function accountAccessGas(since: Since): readonly number[] {
  if (since("berlin")) return [100, 2600];
  return since("tangerine") ? [700] : [20];
}

/** The warm one first: precompiles know no other. Prague adds the delegate of a 7702 account to each. */
function callAccessGas(since: Since): readonly number[] {
  if (since("prague")) return [100, 2600, 200, 2700, 5200];
  if (since("berlin")) return [100, 2600];
  return since("tangerine") ? [700] : [40];
}

function stateCostsOf(since: Since): (readonly number[] | undefined)[] {
  const costs: (readonly number[] | undefined)[] = [];
  costs[operationId("SLOAD")] = sloadGas(since);
  costs[operationId("SSTORE")] = sstoreGas(since);
  costs[operationId("BALANCE")] = balanceGas(since);
  costs[operationId("EXTCODESIZE")] = accountAccessGas(since);
  costs[operationId("EXTCODEHASH")] = extcodehashGas(since);
  costs[operationId("SELFDESTRUCT")] = selfdestructGas(since);
  return costs;
}

/** What a client adds that runs old forks at later costs (client-quirks.ts). */
function addLaterCosts(costs: (readonly number[] | undefined)[]): void {
  const [sstore, selfdestruct] = [operationId("SSTORE"), operationId("SELFDESTRUCT")];
  const own = costs[selfdestruct] ?? [];
  costs[sstore] = [...(costs[sstore] ?? []), ...sstoreGas(() => true)];
  costs[selfdestruct] = [...own, ...own.map((gas) => gas + COLD_ACCOUNT_GAS)];
}

function sloadGas(since: Since): readonly number[] {
  if (since("berlin")) return [100, 2100];
  if (since("istanbul")) return [800];
  return since("tangerine") ? [200] : [50];
}

function sstoreGas(since: Since): readonly number[] {
  if (since("berlin")) return [100, 2200, 2900, 5000, 20_000, 22_100];
  if (since("istanbul")) return [800, 5000, 20_000];
  // EIP-1283 stood for Constantinople alone.
  if (since("constantinople") && !since("petersburg")) return [200, 5000, 20_000];
  return [5000, 20_000];
}

function balanceGas(since: Since): readonly number[] {
  if (since("berlin")) return [100, 2600];
  if (since("istanbul")) return [700];
  return since("tangerine") ? [400] : [20];
}

function extcodehashGas(since: Since): readonly number[] {
  if (since("berlin")) return [100, 2600];
  return since("istanbul") ? [700] : [400];
}

function selfdestructGas(since: Since): readonly number[] {
  if (since("berlin")) return [5000, 7600, 30_000, 32_600];
  return since("tangerine") ? [5000, 30_000] : [0];
}
