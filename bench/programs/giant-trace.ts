// One transaction whose struct logs are as long as wanted: a creation whose init code fills the stack and counts down.

const words = 8;
const wordHex = (index: number): string => (0xa1 + index).toString(16).repeat(32);

/** A round of the loop: operation, gas, bytes of code. */
const round = [
  { op: "JUMPDEST", gas: 1, size: 1 },
  { op: "PUSH1", gas: 3, size: 2 },
  { op: "SWAP1", gas: 3, size: 1 },
  { op: "SUB", gas: 3, size: 1 },
  { op: "DUP1", gas: 3, size: 1 },
  { op: "PUSH2", gas: 3, size: 3 },
  { op: "JUMPI", gas: 10, size: 1 },
] as const;
const gasOfRound = round.reduce((sum, { gas }) => sum + gas, 0);
/** Where the loop begins: behind the words and the counter. */
const loopStart = words * 33 + 4;

/** Bytes of struct logs of one round, about. */
const bytesOfRound = 7 * (words * 69 + 90);

/** Rounds for a trace of about so many bytes. EIP-7825 caps a transaction's gas at 2^24: enough for 2.5 GB. */
export function roundsFor(traceBytes: number): number {
  return Math.ceil(traceBytes / bytesOfRound);
}

/** Gas that the code uses, the transaction's own costs not counted. */
export function gasOfGiant(rounds: number): number {
  return (words + 1) * 3 + rounds * gasOfRound;
}

/** Init code that deploys nothing. */
export function giantCode(rounds: number): `0x${string}` {
  const pushes = Array.from({ length: words }, (_, index) => `7f${wordHex(index)}`).join("");
  const counter = `62${rounds.toString(16).padStart(6, "0")}`;
  const loop = `5b600190038061${loopStart.toString(16).padStart(4, "0")}57`;
  return `0x${pushes}${counter}${loop}00`;
}

/**
 * The answer of anvil to `debug_traceBlockByHash` for a block of that one transaction, in parts of about 64 kB.
 * @param firstGas - Gas left before the first step.
 */
export function* giantTrace(giant: {
  readonly id: number;
  readonly rounds: number;
  readonly firstGas: number;
  readonly gasUsed: number;
  readonly transactionHash: string;
}): Generator<string> {
  const { id, rounds, firstGas, gasUsed, transactionHash } = giant;
  let gas = firstGas;
  const step = (pc: number, op: string, cost: number, stack: string) => {
    const text = `{"pc":${pc},"op":"${op}","gas":${gas},"gasCost":${cost},"depth":1,"stack":[${stack}],"refund":0}`;
    gas -= cost;
    return text;
  };
  let part = `{"jsonrpc":"2.0","id":${id},"result":[{"result":{"failed":false,"gas":${gasUsed},"returnValue":"0x","structLogs":[`;
  const pushed: string[] = [];
  for (let index = 0; index < words; index += 1) {
    part += `${step(index * 33, "PUSH32", 3, pushed.join(","))},`;
    pushed.push(`"0x${wordHex(index)}"`);
  }
  const base = pushed.join(",");
  part += `${step(words * 33, "PUSH3", 3, base)},`;
  const target = `"0x${loopStart.toString(16)}"`;
  for (let left = rounds; left > 0; left -= 1) {
    const now = `${base},"0x${left.toString(16)}"`;
    const next = `${base},"0x${(left - 1).toString(16)}"`;
    const stacks = [
      now,
      now,
      `${now},"0x1"`,
      `${base},"0x1","0x${left.toString(16)}"`,
      next,
      `${next},"0x${(left - 1).toString(16)}"`,
      `${next},"0x${(left - 1).toString(16)}",${target}`,
    ];
    let pc = loopStart;
    for (const [index, { op, gas: cost, size }] of round.entries()) {
      part += `${step(pc, op, cost, stacks[index] ?? "")},`;
      pc += size;
    }
    if (part.length > 65_536) {
      yield part;
      part = "";
    }
  }
  part += step(loopStart + 10, "STOP", 0, `${base},"0x0"`);
  yield `${part}]},"txHash":"${transactionHash}"}]}`;
}
