import { operationId } from "./opcodes.ts";
import type { Step } from "./step.ts";

/** Which words of the stack are offset and size of the memory an opcode touches; size -1 and -32: fixed bytes. */
const regions: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  MLOAD: [[0, -32]],
  MSTORE: [[0, -32]],
  MSTORE8: [[0, -1]],
  KECCAK256: [[0, 1]],
  RETURN: [[0, 1]],
  REVERT: [[0, 1]],
  LOG0: [[0, 1]],
  LOG1: [[0, 1]],
  LOG2: [[0, 1]],
  LOG3: [[0, 1]],
  LOG4: [[0, 1]],
  CALLDATACOPY: [[0, 2]],
  CODECOPY: [[0, 2]],
  RETURNDATACOPY: [[0, 2]],
  EXTCODECOPY: [[1, 3]],
  MCOPY: [
    [0, 2],
    [1, 2],
  ],
  CREATE: [[1, 2]],
  CREATE2: [[1, 2]],
  CALL: [
    [3, 4],
    [5, 6],
  ],
  CALLCODE: [
    [3, 4],
    [5, 6],
  ],
  DELEGATECALL: [
    [2, 3],
    [4, 5],
  ],
  STATICCALL: [
    [2, 3],
    [4, 5],
  ],
};

const regionsById: (readonly (readonly [number, number])[] | undefined)[] = [];
for (const [name, value] of Object.entries(regions)) regionsById[operationId(name)] = value;

/** Words of memory after a step that does not halt; size 0 touches none whatever the offset (D15). */
export function memoryWordsAfter(step: Step, wordsBefore: number): number {
  const touched = regionsById[step.op];
  if (touched === undefined) return wordsBefore;
  let words = wordsBefore;
  for (const [offset, size] of touched) {
    const bytes = size < 0 ? -size : step.words[size]!;
    if (bytes === 0) continue;
    const needed = Math.ceil((step.words[offset]! + bytes) / 32);
    if (needed > words) words = needed;
  }
  return words;
}

/** Gas of memory that grows from one count of words to another. */
export function expansionGas(from: number, to: number): number {
  return to > from ? memoryGas(to) - memoryGas(from) : 0;
}

function memoryGas(words: number): number {
  return 3 * words + Math.floor((words * words) / 512);
}
