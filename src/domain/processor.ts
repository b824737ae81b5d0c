/** What blockloom makes of a block: one table, one ledger row, one coverage each. */
export const processors = ["structlog", "structlog_agg", "transaction"] as const;
export type Processor = (typeof processors)[number];

/** The data table of each processor. */
export const dataTables = {
  structlog: "execution_structlog",
  structlog_agg: "execution_structlog_agg",
  transaction: "execution_transaction",
} as const satisfies Record<Processor, string>;
export type DataTable = (typeof dataTables)[Processor];

/** Names that execution-processor's users write for the same thing. */
const referenceAliases: Readonly<Record<string, Processor>> = {
  transaction_structlog: "structlog",
  transaction_structlog_agg: "structlog_agg",
  transaction_simple: "transaction",
};

/** Finds the processor that a user means by a name or a reference alias; undefined if there is none. */
export function findProcessor(name: string): Processor | undefined {
  return processors.find((processor) => processor === name) ?? referenceAliases[name];
}
