import type { RpcTransaction } from "../../src/domain/chain.ts";
import type { Fork } from "../../src/domain/fork.ts";
import {
  callNames,
  createNames,
  Facts,
  isFrom,
  type Log,
  numberFrames,
  type OracleInput,
  operationName,
  parseKeepingBigNumbers,
} from "./oracle.ts";

/** Keys are columns of schema.md; whole numbers above 2^53 are decimal strings. */
export type OracleAggRow = Readonly<Record<string, unknown>>;

/** A frame of the callTracer. */
type Node = {
  readonly type: string;
  readonly gas: string;
  readonly gasUsed: string;
  readonly calls?: readonly Node[];
};

/** What one step adds to a row of its frame. */
type Measured = {
  readonly log: Log;
  readonly operation: string;
  readonly gas: number;
  readonly gasUsed: number;
  readonly halted: boolean;
  readonly before: number;
  readonly after: number;
  readonly expansion: number;
  readonly cold: number;
};

/**
 * The rows of `execution_structlog_agg` of one transaction. Unlike src/trace it takes the gas that a call hands on from
 * the callTracer, not from the stack, and never walks the steps but frame by frame.
 */
export function oracleStructlogAggRows(input: OracleInput): OracleAggRow[] {
  const { failed, structLogs: logs, returnValue } = parseKeepingBigNumbers(input.trace);
  const tree: Node = JSON.parse(input.callTrace);
  const { fork, transaction, receipt } = input;
  const constants = {
    block_number: Number(input.block.number),
    block_hash: input.block.hash.toLowerCase(),
    transaction_hash: transaction.hash.toLowerCase(),
    transaction_index: Number(transaction.transactionIndex),
  };
  const knowsCold = isFrom(fork, "berlin");
  const charged = Number(receipt.gasUsed);
  const root = {
    ...constants,
    call_frame_id: 0,
    parent_call_frame_id: null,
    call_frame_path: [0],
    depth: 0,
    min_depth: 0,
    max_depth: 0,
    target_address: transaction.to?.toLowerCase() ?? null,
    call_type: "",
  };
  if (logs.length === 0) {
    const intrinsic = intrinsicGas(transaction, fork);
    const used = failed || isToPrecompile(transaction, fork) ? Math.max(0, charged - intrinsic) : 0;
    return [
      {
        ...root,
        ...sums([], knowsCold),
        operation: "",
        error_count: failed ? 1 : 0,
        gas: used,
        gas_cumulative: used,
        gas_refund: Math.max(0, intrinsic + used - charged),
        intrinsic_gas: intrinsic,
      },
    ];
  }
  const facts = new Facts(logs, failed, fork);
  const { pathOf, syntheticOf } = numberFrames(logs, facts);
  const nodes = nodesOfCalls(logs, facts, tree);
  const usedBy = (i: number) => Number(nodes.get(i)?.gasUsed ?? 0);
  const stepsOf = new Map<number, number[]>();
  for (const [i, path] of pathOf.entries()) {
    const id = path.at(-1) ?? 0;
    stepsOf.set(id, [...(stepsOf.get(id) ?? []), i]);
  }
  const cumulative = (steps: readonly number[]): number => {
    const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 0];
    const [from, to] = [facts.log(first).gas, facts.log(last).gas];
    return from < to ? facts.gasUsed(last) : from - to + facts.gasUsed(last);
  };
  const rows: OracleAggRow[] = [];
  for (const [id, steps] of stepsOf) {
    const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 0];
    const path = pathOf[first] ?? [];
    const frameFailed = facts.burns(last) || facts.log(last).op === "REVERT";
    const children = [...stepsOf.values()].filter(
      (others) => pathOf[others[0] ?? 0]?.at(-2) === id && others !== steps,
    );
    const emptyChildren = steps.filter((i) => syntheticOf[i] !== undefined);
    const childrenGas =
      children.reduce((sum, others) => sum + cumulative(others), 0) +
      emptyChildren.reduce((sum, i) => sum + usedBy(i), 0);
    const codeDeposit =
      id === 0 && !frameFailed ? depositOf(transaction, returnValue, facts.log(last)) : 0;
    const whole = cumulative(steps) + codeDeposit;
    const measured = measure(steps, { facts, nodes, syntheticOf, fork });
    const frame =
      id === 0
        ? root
        : {
            ...constants,
            ...place(path),
            target_address: facts.callTo(first - 1),
            call_type: operationName(facts.log(first - 1).op, fork),
          };
    const left = facts.burns(last) ? 0 : facts.log(last).gas - facts.gasUsed(last) - codeDeposit;
    rows.push({
      ...frame,
      ...sums(measured, knowsCold),
      operation: "",
      error_count: frameFailed ? 1 : 0,
      gas: Math.max(0, whole - childrenGas),
      gas_cumulative: whole,
      gas_refund: id === 0 ? appliedRefund(input, { logs, failed, left }) : 0,
      intrinsic_gas: id === 0 ? Number(transaction.gas) - facts.log(0).gas : null,
    });
    for (const operation of new Set(measured.map((step) => step.operation))) {
      const own = measured.filter((step) => step.operation === operation);
      rows.push({
        ...frame,
        ...sums(own, knowsCold),
        operation,
        error_count: own.filter(({ halted }) => halted).length,
        gas: own.reduce((sum, { gas }) => sum + gas, 0),
        gas_cumulative: own.reduce((sum, { gasUsed }) => sum + gasUsed, 0),
        gas_refund: 0,
        intrinsic_gas: null,
      });
    }
    for (const i of emptyChildren) {
      const next = logs[i + 1];
      rows.push({
        ...constants,
        ...place([...path, syntheticOf[i] ?? 0]),
        ...sums([], knowsCold),
        target_address: facts.callTo(i),
        call_type: operationName(facts.log(i).op, fork),
        operation: "",
        error_count: BigInt(next?.stack.at(-1) ?? "0x0") === 0n ? 1 : 0,
        gas: usedBy(i),
        gas_cumulative: usedBy(i),
        gas_refund: 0,
        intrinsic_gas: null,
      });
    }
  }
  return rows;
}

function place(path: readonly number[]) {
  const depth = path.length - 1;
  return {
    call_frame_id: path.at(-1),
    parent_call_frame_id: path.at(-2) ?? null,
    call_frame_path: path,
    depth,
    min_depth: depth,
    max_depth: depth,
  };
}

function sums(steps: readonly Measured[], knowsCold: boolean) {
  const sum = (value: (step: Measured) => number) =>
    steps.reduce((total, step) => total + value(step), 0);
  return {
    opcode_count: steps.length,
    memory_words_sum_before: sum(({ before }) => before),
    memory_words_sum_after: sum(({ after }) => after),
    memory_words_sq_sum_before: sum(({ before }) => before ** 2),
    memory_words_sq_sum_after: sum(({ after }) => after ** 2),
    memory_expansion_gas: sum(({ expansion }) => expansion),
    cold_access_count: knowsCold ? sum(({ cold }) => cold) : null,
  };
}

/** The callTracer's frame of each call or creation that did not halt, by step. */
function nodesOfCalls(logs: readonly Log[], facts: Facts, root: Node): Map<number, Node> {
  const found = new Map<number, Node>();
  const childrenOf = (node: Node) =>
    (node.calls ?? []).filter(({ type }) => type !== "SELFDESTRUCT");
  let open = [childrenOf(root)];
  for (const [i, log] of logs.entries()) {
    open = open.slice(0, log.depth);
    if (![...callNames, ...createNames].includes(log.op) || facts.burns(i)) continue;
    const node = open.at(-1)?.shift();
    if (node === undefined) throw new Error(`the callTracer has no frame of step ${i}`);
    found.set(i, node);
    if ((logs[i + 1]?.depth ?? 0) > log.depth) open.push(childrenOf(node));
  }
  return found;
}

type MeasureInput = {
  readonly facts: Facts;
  readonly nodes: ReadonlyMap<number, Node>;
  readonly syntheticOf: Readonly<Record<number, number>>;
  readonly fork: Fork;
};

function measure(steps: readonly number[], input: MeasureInput): Measured[] {
  const { facts, nodes, syntheticOf, fork } = input;
  let words = 0;
  return steps.map((i): Measured => {
    const log = facts.log(i);
    const halted = facts.burns(i) && !facts.depositFailed(i);
    const before = words;
    if (!halted) words = Math.max(words, wordsTouched(log));
    const expansion = memoryGas(words) - memoryGas(before);
    const empty = syntheticOf[i] === undefined ? 0 : Number(nodes.get(i)?.gasUsed ?? 0);
    return {
      log,
      operation: operationName(log.op, fork),
      gas: facts.gasSelf(i) - empty,
      gasUsed: facts.gasUsed(i),
      halted,
      before,
      after: words,
      expansion,
      cold: halted ? 0 : coldAccesses(i, { facts, expansion, node: nodes.get(i) }),
    };
  });
}

const memoryGas = (words: number) => 3 * words + Math.floor(words ** 2 / 512);

/** [offset, size] by place from the stack's top; a size below zero is that many bytes. */
function regionsOf(op: string): readonly (readonly [number, number])[] {
  if (op === "MLOAD" || op === "MSTORE") return [[0, -32]];
  if (op === "MSTORE8") return [[0, -1]];
  if (/^(?:KECCAK256|SHA3|RETURN|REVERT|LOG\d)$/.test(op)) return [[0, 1]];
  if (/^(?:CALLDATACOPY|CODECOPY|RETURNDATACOPY)$/.test(op)) return [[0, 2]];
  if (op === "EXTCODECOPY") return [[1, 3]];
  if (op === "MCOPY") return [0, 1].map((offset) => [offset, 2] as const);
  if (createNames.includes(op)) return [[1, 2]];
  if (!callNames.includes(op)) return [];
  const input = op === "CALL" || op === "CALLCODE" ? 3 : 2;
  return [input, input + 2].map((offset) => [offset, offset + 1] as const);
}

function wordsTouched(log: Log): number {
  const operand = (fromTop: number) => Number(BigInt(log.stack.at(-1 - fromTop) ?? "0x0"));
  return Math.max(
    0,
    ...regionsOf(log.op).map(([offset, size]) => {
      const bytes = size < 0 ? -size : operand(size);
      return bytes === 0 ? 0 : Math.ceil((operand(offset) + bytes) / 32);
    }),
  );
}

const coldCosts: Readonly<Record<string, readonly number[]>> = {
  SLOAD: [2100],
  SSTORE: [2200, 5000, 22_100],
  BALANCE: [2600],
  EXTCODESIZE: [2600],
  EXTCODEHASH: [2600],
  SELFDESTRUCT: [7600, 32_600],
};

/** Under EIP-2929: from Berlin on. */
function coldAccesses(
  i: number,
  { facts, expansion, node }: { facts: Facts; expansion: number; node: Node | undefined },
): number {
  const { op, gasCost, stack } = facts.log(i);
  if (coldCosts[op]) return coldCosts[op].includes(gasCost) ? 1 : 0;
  if (op === "EXTCODECOPY") {
    const copied = Math.ceil(Number(BigInt(stack.at(-4) ?? "0x0")) / 32);
    return gasCost - expansion - 3 * copied === 2600 ? 1 : 0;
  }
  if (!callNames.includes(op) || facts.isPrecompile(facts.callTo(i))) return 0;
  const movesValue = /^CALL(?:CODE)?$/.test(op) && BigInt(stack.at(-3) ?? "0x0") > 0n;
  const forwarded = Number(node?.gas ?? 0) - (movesValue ? 2300 : 0);
  const rest = gasCost - forwarded - expansion - (movesValue ? 9000 : 0);
  const access = rest > 25_000 ? rest - 25_000 : rest;
  return access < 2600 ? 0 : access < 5200 ? 1 : 2;
}

function countBytes({ input }: RpcTransaction): { zeros: number; others: number } {
  const data = Buffer.from(input.slice(2), "hex");
  const zeros = data.filter((byte) => byte === 0).length;
  return { zeros, others: data.length - zeros };
}

function intrinsicGas(transaction: RpcTransaction, fork: Fork): number {
  const { zeros, others } = countBytes(transaction);
  const creates = !transaction.to;
  const initCodeWords = Math.ceil((zeros + others) / 32);
  const accessList = transaction.accessList ?? [];
  return (
    21_000 +
    4 * zeros +
    (isFrom(fork, "istanbul") ? 16 : 68) * others +
    (creates && isFrom(fork, "homestead") ? 32_000 : 0) +
    (creates && isFrom(fork, "shanghai") ? 2 * initCodeWords : 0) +
    accessList.reduce((sum, { storageKeys }) => sum + 2400 + 1900 * storageKeys.length, 0) +
    25_000 * (transaction.authorizationList?.length ?? 0)
  );
}

function isToPrecompile({ to }: RpcTransaction, fork: Fork): boolean {
  return Boolean(to) && new Facts([], false, fork).isPrecompile(to ?? null);
}

/** What a creation transaction pays for its code, which no opcode holds; nothing where it cannot (Frontier). */
function depositOf({ to }: RpcTransaction, returnValue: string, { gas, gasCost }: Log): number {
  const bytes = returnValue.replace(/^0x/, "").length / 2;
  const deposit = to ? 0 : 200 * bytes;
  return deposit > gas - gasCost ? 0 : deposit;
}

/** The first refund that makes the receipt's gas of what is known of the counter (7702 refunds may stand beside it). */
function appliedRefund(
  { transaction, receipt, fork }: OracleInput,
  { logs, failed, left }: { logs: readonly Log[]; failed: boolean; left: number },
): number {
  const counter = Number((failed ? logs[0] : logs.at(-1))?.refund ?? 0);
  const before = Number(transaction.gas) - left;
  const { zeros, others } = countBytes(transaction);
  const floor = isFrom(fork, "prague") ? 21_000 + 10 * (zeros + 4 * others) : 0;
  const cap = Math.floor(before / (isFrom(fork, "london") ? 5 : 2));
  const authorizations = transaction.authorizationList?.length ?? 0;
  for (const destroyed of [0, 24_000]) {
    for (let existing = 0; existing <= authorizations; existing++) {
      const refund = Math.min(counter + destroyed + 12_500 * existing, cap);
      if (Math.max(before - refund, floor) === Number(receipt.gasUsed)) return refund;
    }
  }
  throw new Error("no refund makes the receipt's gas");
}
