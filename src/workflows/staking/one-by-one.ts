/** So many are done alone after a batch failed, before all are tried together again. */
const aloneFor = 8;

/**
 * Takes a batch apart after it failed: one item that can never be done then holds up nothing but itself. Tells nothing
 * of why it failed; a node that is away makes some batches of one.
 */
export class OneByOne<Item> {
  private alone = 0;
  private turn = 0;

  /**
   * What to do now.
   * @param all - whatever could be done in the items' place: as many that can never be done must not keep it from its turn.
   */
  pick(items: readonly Item[], all: () => readonly Item[] = () => items): readonly Item[] {
    if (this.alone === 0) return items;
    const waiting = all();
    return waiting.slice(this.turn % Math.max(1, waiting.length)).slice(0, 1);
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
