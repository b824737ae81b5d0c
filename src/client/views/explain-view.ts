import type { BlockLife } from "../../clickhouse/block-life.ts";
import type { LedgerRow } from "../../domain/ledger.ts";
import { formatBlockRange } from "../block-text.ts";
import { formatCount, formatTable } from "./format.ts";
import { formatLedgerRows, formatStory } from "./ledger-view.ts";

/** The whole life of one block, for people. */
export function formatBlockLife(life: BlockLife, proven: boolean): string {
  const sections: readonly (readonly [string, string])[] = [
    ["Expected by", describeExpectation(life)],
    ["What stands", formatLedgerRows(life.standing)],
    ["Evidence", life.standing.map(describeEvidence).join("\n")],
    ["Rows in ClickHouse", describeStored(life)],
    ["Reorgs", describeReorgs(life)],
    ["Every version, oldest first", formatStory(life.story)],
  ];
  return [
    `Block ${life.blockNumber} of ${life.network}`,
    ...sections
      .filter(([, text]) => text !== "")
      .map(([heading, text]) => `\n${heading}\n${indent(text)}`),
    `\n${verdict(life, proven)}`,
  ].join("\n");
}

function describeExpectation({ expectedBy }: BlockLife): string {
  if (expectedBy.length === 0) return "nobody: no job was told to index it";
  const jobs = new Map<string, string[]>();
  for (const { workflowId, state, fromBlock, toBlock, processor } of expectedBy) {
    const blocks =
      toBlock === null ? `${fromBlock} and above` : formatBlockRange({ fromBlock, toBlock });
    const job = `${workflowId} (${state}), blocks ${blocks}`;
    jobs.set(job, [...(jobs.get(job) ?? []), processor]);
  }
  return [...jobs].map(([job, processors]) => `${job}: ${processors.join(", ")}`).join("\n");
}

/** What the proof rests on, what could not be checked and why, or why it failed and what comes next. */
function describeEvidence(row: LedgerRow): string {
  if (row.status === "failed" || row.status === "quarantined") {
    const next =
      row.status === "quarantined"
        ? "waits for: npm run client -- release"
        : `tried again at ${row.nextAttemptAt ?? "no time that is known"}`;
    return `${row.processor}: ${row.errorKind}: ${row.errorMessage.split("\n", 1)[0]}; ${next}`;
  }
  if (row.status === "retracted") {
    return `${row.processor}: a reorg took the block away, and nothing stands there yet`;
  }
  const { checked, unverified } = readProof(row.proofDetail);
  const gaps = unverified.map(({ check, why }) => `${check} (${why})`);
  return [
    `${row.processor}: ${checked.length > 0 ? `checked ${checked.join(", ")}` : "nothing was left to check"}`,
    ...(gaps.length > 0 ? [`  could not check ${gaps.join(", ")}`] : []),
  ].join("\n");
}

type ProofDetail = {
  readonly checked: readonly string[];
  readonly unverified: readonly { readonly check: string; readonly why: string }[];
};

/** The stored JSON; one that another version wrote is shown as far as it can be read. */
function readProof(detail: string): ProofDetail {
  try {
    const read: Partial<ProofDetail> | null = JSON.parse(detail);
    return { checked: read?.checked ?? [], unverified: read?.unverified ?? [] };
  } catch {
    return { checked: [], unverified: [] };
  }
}

function describeStored({ stored, standing, recounted }: BlockLife): string {
  const lines = stored.map(({ processor, attemptId, rows, canonical }) => {
    const promised = standing.find((row) => row.processor === processor)?.rowCount ?? 0;
    const what = canonical
      ? `the ledger promises ${formatCount(promised)}: ${rows === promised ? "equal" : "NOT EQUAL"}`
      : "no ledger row names them; cleanup drops them after a day";
    return `${processor} attempt ${attemptId}: ${formatCount(rows)} rows; ${what}`;
  });
  const counts = recounted.map(({ processor, at }) => `${processor} ${at ?? "never"}`);
  return [...lines, `counted again by gap-fill: ${counts.join(", ")}`].join("\n");
}

function describeReorgs({ reorgs }: BlockLife): string {
  if (reorgs.length === 0) return "";
  return formatTable(
    ["when", "depth", "from", "to", "rows retracted"],
    reorgs.map(({ at, depth, oldHash, newHash, retractedRows }) => [
      at,
      String(depth),
      oldHash,
      /^0x0+$/.test(newHash) ? "nothing yet" : newHash,
      formatCount(retractedRows),
    ]),
  );
}

function verdict({ blockNumber, expectedBy, standing }: BlockLife, proven: boolean): string {
  if (proven) return "Proven.";
  if (expectedBy.length === 0) {
    const isThere = standing.some(({ status }) => status === "complete");
    return isThere
      ? "Not expected, so it counts for nothing in coverage, though rows of it stand."
      : `Not expected. To have it: npm run client -- index ${blockNumber}`;
  }
  const open = standing.filter(({ status, proof }) => status !== "complete" || proof !== "proven");
  const words = open.map(
    (row) => `${row.processor} ${row.status === "complete" ? row.proof : row.status}`,
  );
  return words.length > 0
    ? `Not proven: ${words.join(", ")}.`
    : "Not proven: nothing stands of it yet. gap-fill takes it, if no running job has it in hand: npm run client -- gap-fill status";
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
