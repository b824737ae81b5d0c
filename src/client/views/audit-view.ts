import type { AuditedBlock, AuditedProcessor } from "../../audit/audit-blocks.ts";
import type { Difference } from "../../audit/row-comparison.ts";
import { formatBlocks, formatCount } from "./format.ts";
import { formatNext } from "./next-steps.ts";

/** Blocks that are told one by one, and differences of each that people are shown. */
const toldBlocks = 1000;
const shownBlocks = 20;
const shownDifferences = 5;

type Counts = {
  /** Blocks drawn and looked at. */
  readonly audited: number;
  readonly equal: number;
  readonly differing: number;
  readonly notCompared: number;
  readonly rowsCompared: number;
  readonly differences: number;
  /** Those that are not equal, the first 1,000. */
  readonly blocks: readonly ToldBlock[];
};

export type AuditReport = Counts & {
  readonly network: string;
  /** `audit_id` in `execution_audit`. */
  readonly auditId: string;
  readonly seed: number;
  /** Complete blocks that the sample was drawn from. */
  readonly candidates: number;
};

type ToldBlock = {
  readonly blockNumber: number;
  readonly node: string;
  readonly clientVersion: string;
  readonly processors: readonly (Omit<AuditedProcessor, "row"> & { readonly attemptId: string })[];
};

/** Counts blocks as they are audited. */
export class AuditTally {
  #counts: Omit<Counts, "blocks"> = {
    audited: 0,
    equal: 0,
    differing: 0,
    notCompared: 0,
    rowsCompared: 0,
    differences: 0,
  };
  readonly #told: ToldBlock[] = [];

  get audited(): number {
    return this.#counts.audited;
  }

  get counts(): Counts {
    return { ...this.#counts, blocks: this.#told };
  }

  add(block: AuditedBlock): void {
    const outcomes = block.processors.map(({ outcome }) => outcome);
    const differs = outcomes.includes("differs");
    const isOpen = !differs && outcomes.includes("not_compared");
    const before = this.#counts;
    this.#counts = {
      audited: before.audited + 1,
      equal: before.equal + (differs || isOpen ? 0 : 1),
      differing: before.differing + (differs ? 1 : 0),
      notCompared: before.notCompared + (isOpen ? 1 : 0),
      rowsCompared: block.processors.reduce(
        (sum, one) => sum + one.rowsCompared,
        before.rowsCompared,
      ),
      differences: block.processors.reduce(
        (sum, one) => sum + one.differenceCount,
        before.differences,
      ),
    };
    if ((differs || isOpen) && this.#told.length < toldBlocks) this.#told.push(toTold(block));
  }
}

function toTold({ blockNumber, node, clientVersion, processors }: AuditedBlock): ToldBlock {
  const told = processors.map(({ row, ...found }) => ({ ...found, attemptId: row.attemptId }));
  return { blockNumber, node, clientVersion, processors: told };
}

export function formatAudit(report: AuditReport): string {
  const { network, seed, audited, candidates, blocks } = report;
  if (audited === 0) return `Nothing to audit: no block of ${network} is complete there.`;
  const shown = blocks.slice(0, shownBlocks);
  const more = blocks.length - shown.length;
  const differing = blocks.filter(({ processors }) =>
    processors.some(({ outcome }) => outcome === "differs"),
  );
  return (
    [
      `Audited ${formatBlocks(audited)} of ${network}, drawn from ${formatCount(candidates)} with seed ${seed}.`,
      `  equal: ${formatBlocks(report.equal)}; rows compared: ${formatCount(report.rowsCompared)}`,
      ...shown.flatMap(describeBlock),
      ...(more > 0 ? [`  and ${formatBlocks(more)} more (--json)`] : []),
      verdict(report),
    ].join("\n") +
    formatNext({
      commands:
        differing.length > 0
          ? [
              `npm run client -- requeue ${differing
                .slice(0, shownBlocks)
                .map(({ blockNumber }) => blockNumber)
                .join(" ")} --reason 'audit ${report.auditId}' --wait`,
            ]
          : [],
    })
  );
}

function describeBlock({ blockNumber, node, clientVersion, processors }: ToldBlock): string[] {
  return processors
    .filter(({ outcome }) => outcome !== "equal")
    .flatMap(({ processor, outcome, differenceCount, differences, reason }) => {
      const what =
        outcome === "differs"
          ? `${formatCount(differenceCount)} differences on ${node} (${clientVersion})`
          : "not compared";
      const shown = differences.slice(0, shownDifferences);
      const more = differenceCount - shown.length;
      return [
        `  ${processor} ${blockNumber}: ${what}${reason === "" ? "" : `; ${reason}`}`,
        ...shown.map((difference) => `    ${describeDifference(difference)}`),
        ...(more > 0 ? [`    and ${formatCount(more)} more (execution_audit)`] : []),
      ];
    });
}

function describeDifference({ kind, row, column, stored, traced }: Difference): string {
  if (kind === "only_stored") return `${row}: stored, and not in the new trace`;
  if (kind === "only_traced") return `${row}: in the new trace, and not stored`;
  const values = `${column} stored ${stored ?? "NULL"}, traced ${traced ?? "NULL"}`;
  return row === "" ? values : `${row}: ${values}`;
}

function verdict({ differing, notCompared }: AuditReport): string {
  if (differing > 0) return `Differs: ${formatBlocks(differing)}.`;
  if (notCompared > 0) return `No difference, but ${formatBlocks(notCompared)} not compared.`;
  return "Equal: every stored row is what the node says now.";
}
