/** So many are done alone after a batch failed, before all are tried together again. */
const aloneFor = 8;

/**
 * Takes a batch apart after it failed: one item that can never be done then holds up nothing but itself. Tells nothing
 * of why it failed; a node that is away makes some batches of one.
 */
export class OneByOne<Item> {
  private alone = 0;
  private turn = 0;

  /** What to do of all that waits. */
  pick(items: readonly Item[]): readonly Item[] {
    const one = items[this.turn % Math.max(1, items.length)];
    return this.alone > 0 && one !== undefined ? [one] : items;
  }

  failed(): void {
    this.alone = aloneFor;
    this.turn += 1;
  }

  wentWell(): void {
    this.alone = Math.max(0, this.alone - 1);
  }

  /** Does what was picked and remembers how it went. */
  async run<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await work();
      this.wentWell();
      return answer;
    } catch (error) {
      this.failed();
      throw error;
    }
  }
}
