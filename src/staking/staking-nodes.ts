import { AppError, NodeUnavailableError } from "../errors.ts";
import { settleSoon } from "./settle-soon.ts";
import { readQuantity, type StakingNode } from "./staking-node.ts";

/** The nodes of the chain, spoken to as one. */
export type StakingNodes = {
  /** How many there are, whatever their state. */
  readonly size: number;
  /**
   * Asks the node with the highest head, and where it fails the next one.
   * @throws the last node's fault when all fail.
   */
  onBest<Answer>(
    ask: (node: StakingNode) => Promise<Answer>,
    signal?: AbortSignal,
  ): Promise<Answer>;
  /** Asks all of them; one that lags half a second behind the first answer is left out. @throws when none answers. */
  onAll<Answer>(
    ask: (node: StakingNode) => Promise<Answer>,
  ): Promise<readonly { readonly node: StakingNode; readonly answer: Answer }[]>;
};

const graceMs = 500;

export function createStakingNodes(nodes: readonly StakingNode[]): StakingNodes {
  /** Nodes that still owe an answer: they are not asked more until it has come. */
  const owing = new Set<StakingNode>();

  function inService(): readonly StakingNode[] {
    const punctual = nodes.filter((node) => !owing.has(node));
    return punctual.length > 0 ? punctual : nodes;
  }

  async function onAll<Answer>(ask: (node: StakingNode) => Promise<Answer>) {
    const chosen = inService();
    const asked = chosen.map((node) => ask(node));
    const { answers, faults, late } = await settleSoon(asked, graceMs);
    for (const index of late) owe(chosen[index], asked[index]);
    if (answers.length === 0) throw worstOf(faults);
    return answers.flatMap(({ index, answer }) => {
      const node = chosen[index];
      return node === undefined ? [] : [{ node, answer }];
    });
  }

  function owe(node: StakingNode | undefined, asked: Promise<unknown> | undefined): void {
    if (node === undefined || asked === undefined) return;
    owing.add(node);
    const paid = () => owing.delete(node);
    asked.then(paid, paid);
  }

  async function byHead(signal?: AbortSignal): Promise<readonly StakingNode[]> {
    const chosen = inService();
    if (chosen.length === 1) return chosen;
    const heads = await onAll(async (node) => {
      const [answer] = await node.ask([{ method: "eth_blockNumber", params: [] }], { signal });
      return readQuantity(answer, { node: node.name, method: "eth_blockNumber" });
    });
    const sorted = heads.toSorted((a, b) => Number(b.answer - a.answer));
    return sorted.map(({ node }) => node);
  }

  return {
    size: nodes.length,
    onAll,
    onBest: async (ask, signal) => {
      const faults: unknown[] = [];
      for (const node of await byHead(signal)) {
        try {
          return await ask(node);
        } catch (error) {
          signal?.throwIfAborted();
          if (!(error instanceof AppError)) throw error;
          faults.push(error);
        }
      }
      throw worstOf(faults);
    },
  };
}

/** A fault that a person must mend tells more than one that passes. */
function worstOf(faults: readonly unknown[]): unknown {
  return (
    faults.find((fault) => fault instanceof AppError && !fault.retryable) ??
    faults.at(-1) ??
    new NodeUnavailableError({ node: "any", method: "any", reason: "no node is configured" })
  );
}
