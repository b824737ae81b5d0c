/** Sums over steps, of one opcode or of a whole frame. */
export class Totals {
  operation = 0;
  count = 0;
  errors = 0;
  gas = 0;
  gasCumulative = 0;
  wordsBefore = 0;
  wordsAfter = 0;
  expansionGas = 0;
  /** NaN where one of them cannot be known. */
  coldAccesses = 0;
  /** Squares as multiples of 2^52 and the rest, because a long loop on much memory passes 2^53. */
  private squaresBefore = 0;
  private squaresBeforeCarry = 0;
  private squaresAfter = 0;
  private squaresAfterCarry = 0;

  clear(operation: number): void {
    this.operation = operation;
    this.count = 0;
    this.errors = 0;
    this.gas = 0;
    this.gasCumulative = 0;
    this.wordsBefore = 0;
    this.wordsAfter = 0;
    this.expansionGas = 0;
    this.coldAccesses = 0;
    this.squaresBefore = 0;
    this.squaresBeforeCarry = 0;
    this.squaresAfter = 0;
    this.squaresAfterCarry = 0;
  }

  /** Counts a step: its gas_self without a precompile's share, and its gas_used. */
  addStep(gas: number, gasCumulative: number): void {
    this.count++;
    this.gas += gas;
    this.gasCumulative += gasCumulative;
  }

  /** Words of memory before and after the step, and the gas of their growth. */
  addMemory(wordsBefore: number, wordsAfter: number, expansionGas: number): void {
    if (wordsBefore === 0 && wordsAfter === 0) return;
    this.wordsBefore += wordsBefore;
    this.wordsAfter += wordsAfter;
    this.expansionGas += expansionGas;
    this.squaresBefore += wordsBefore * wordsBefore;
    this.squaresAfter += wordsAfter * wordsAfter;
    this.carry();
  }

  /** Adds the sums of another opcode of the frame; its errors and gas are no sums to a frame. */
  addMemoryAndAccesses(other: Totals): void {
    this.count += other.count;
    this.wordsBefore += other.wordsBefore;
    this.wordsAfter += other.wordsAfter;
    this.expansionGas += other.expansionGas;
    this.coldAccesses += other.coldAccesses;
    this.squaresBefore += other.squaresBefore;
    this.squaresAfter += other.squaresAfter;
    this.squaresBeforeCarry += other.squaresBeforeCarry;
    this.squaresAfterCarry += other.squaresAfterCarry;
    this.carry();
  }

  get exactSquaresBefore(): bigint {
    return exact(this.squaresBeforeCarry, this.squaresBefore);
  }

  get exactSquaresAfter(): bigint {
    return exact(this.squaresAfterCarry, this.squaresAfter);
  }

  private carry(): void {
    if (this.squaresBefore >= CARRY) {
      this.squaresBefore -= CARRY;
      this.squaresBeforeCarry++;
    }
    if (this.squaresAfter >= CARRY) {
      this.squaresAfter -= CARRY;
      this.squaresAfterCarry++;
    }
  }
}

const CARRY = 2 ** 52;
function exact(carry: number, rest: number): bigint {
  return carry === 0 ? BigInt(rest) : BigInt(carry) * BigInt(CARRY) + BigInt(rest);
}

/** The sums of one open frame by opcode, in the order in which it first ran them; reused from frame to frame. */
export class FrameTotals {
  /** Sum of gas_cumulative of the frames that this one called. */
  childrenGas = 0;
  /** 1 + position in `used`, by operation id. */
  private positions = new Uint16Array(INITIAL_OPERATIONS);
  private readonly kept: Totals[] = [];
  private used = 0;
  private readonly whole = new Totals();

  clear(): void {
    for (let index = 0; index < this.used; index++) this.positions[this.at(index).operation] = 0;
    this.used = 0;
    this.childrenGas = 0;
  }

  /** Opcodes that it ran. */
  get size(): number {
    return this.used;
  }

  /** The sums of an opcode by the order in which the frame first ran it, from 0 to `size`. */
  at(index: number): Totals {
    return this.kept[index]!;
  }

  /** Sums over all opcodes; valid until the next call. */
  ofFrame(): Totals {
    this.whole.clear(0);
    for (let index = 0; index < this.used; index++) this.whole.addMemoryAndAccesses(this.at(index));
    return this.whole;
  }

  /** The sums of an opcode. */
  of(operation: number): Totals {
    if (operation >= this.positions.length) this.grow(operation);
    const position = this.positions[operation]!;
    if (position > 0) return this.kept[position - 1]!;
    if (this.used === this.kept.length) this.kept.push(new Totals());
    const totals = this.kept[this.used++]!;
    totals.clear(operation);
    this.positions[operation] = this.used;
    return totals;
  }

  private grow(operation: number): void {
    const larger = new Uint16Array(Math.max(this.positions.length * 2, operation + 1));
    larger.set(this.positions);
    this.positions = larger;
  }
}

const INITIAL_OPERATIONS = 192;
