/** What one step adds to the sums of its frame. */
export type StepMeasures = {
  /** gas_self without a precompile's share. */
  readonly gas: number;
  /** gas_used. */
  readonly gasCumulative: number;
  readonly halted: boolean;
  readonly wordsBefore: number;
  readonly wordsAfter: number;
  readonly expansionGas: number;
  /** NaN where it cannot be known: that makes the sum NaN too. */
  readonly coldAccesses: number;
};

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

  add(step: StepMeasures): void {
    this.count++;
    if (step.halted) this.errors++;
    this.gas += step.gas;
    this.gasCumulative += step.gasCumulative;
    this.wordsBefore += step.wordsBefore;
    this.wordsAfter += step.wordsAfter;
    this.expansionGas += step.expansionGas;
    this.coldAccesses += step.coldAccesses;
    this.squaresBefore += step.wordsBefore * step.wordsBefore;
    this.squaresAfter += step.wordsAfter * step.wordsAfter;
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
    for (const { operation } of this.ofOperations()) this.positions[operation] = 0;
    this.used = 0;
    this.childrenGas = 0;
  }

  add(operation: number, step: StepMeasures): void {
    this.at(operation).add(step);
  }

  *ofOperations(): Generator<Totals> {
    for (let position = 0; position < this.used; position++) yield this.kept[position]!;
  }

  /** Sums over all opcodes; valid until the next call. */
  ofFrame(): Totals {
    this.whole.clear(0);
    for (const totals of this.ofOperations()) this.whole.addMemoryAndAccesses(totals);
    return this.whole;
  }

  private at(operation: number): Totals {
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
