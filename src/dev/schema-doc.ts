import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClickHouse, createClickHouse } from "../clickhouse/client.ts";
import { startEmbeddedServer } from "../clickhouse/embedded/start.ts";
import { migrate } from "../clickhouse/migrate.ts";

// Writes docs/schema.md: node --import tsx src/dev/schema-doc.ts

const file = fileURLToPath(new URL("../../docs/schema.md", import.meta.url));

type Table = { name: string; engine: string; partition: string; sorting: string; comment: string };
type Column = { table: string; name: string; type: string; comment: string };

const intro = `# Tables

Generated from src/clickhouse/migrations by src/dev/schema-doc.ts; a test holds it up to date.

Researchers read the \`canonical_*\` views: they show, of every block, the rows of the one attempt that the ledger
\`execution_block\` names. A filter on \`block_number\` (and \`meta_network_name\`) reads only the blocks it names.
Times are UTC. Hashes and addresses are 0x + lower-case hex. NULL means "cannot be known", never 0 in its place.

What can be known depends on how a block was traced and on whether its fork is known:

| NULL where it stands otherwise | traced without stacks | under an unknown fork |
|---|---|---|
| execution_structlog \`call_to_address\` | of CALL* steps that halt before they enter | |
| execution_structlog_agg \`memory_words_*\` | of every frame that has steps | |
| execution_structlog_agg \`memory_expansion_gas\` | of every frame that has steps | always |
| execution_structlog_agg \`cold_access_count\` | where a CALL* or EXTCODECOPY ran | always |
| execution_structlog_agg \`gas_refund\` | | of the root |
| execution_structlog_agg \`intrinsic_gas\` | | of a root without steps; its \`gas\` and \`gas_cumulative\`, which are never NULL, are 0 then |

A network that stores structlog_agg is always traced with stacks. One that does not is traced in the way that costs its
node less, measured from time to time, so that neighbouring blocks may differ in \`call_to_address\` of halted calls and in
nothing else: \`proof_detail\` of the block in \`execution_block\` names the check \`stack_heights\` where it was traced with
stacks. A later attempt at a block may fill such a NULL, or leave one. Under an unknown fork a block is \`unverified\`,
and a precompile is told by the newest rules known.
`;

/** The document for a migrated database: views, then tables, each with its columns. */
export async function renderSchemaDoc(clickhouse: ClickHouse): Promise<string> {
  const tables = await clickhouse.query<Table>(
    `SELECT name, engine, partition_key AS partition, sorting_key AS sorting, comment FROM system.tables
     WHERE database = currentDatabase() ORDER BY name LIKE 'canonical%' DESC, name`,
  );
  const columns = await clickhouse.query<Column>(
    `SELECT table, name, type, comment FROM system.columns
     WHERE database = currentDatabase() ORDER BY table, position`,
  );
  const sections = tables.map((table) =>
    renderTable(
      table,
      columns.filter((column) => column.table === table.name),
    ),
  );
  return [intro, ...sections].join("\n");
}

function renderTable(
  { name, engine, partition, sorting, comment }: Table,
  columns: readonly Column[],
): string {
  const heading = [`## ${name}`, "", comment, ""];
  if (engine === "MaterializedView") return heading.join("\n");
  const keys =
    sorting === ""
      ? []
      : [
          `${engine}${partition === "" ? "" : `, partitioned by \`${partition}\``}, ordered by \`${sorting}\`.`,
          "",
        ];
  return [
    ...heading,
    ...keys,
    "| column | type | meaning |",
    "|---|---|---|",
    ...columns.map((column) => `| ${column.name} | ${column.type} | ${column.comment} |`),
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-schema-"));
  const server = await startEmbeddedServer({ dataDir: join(folder, "data") });
  try {
    const options = { url: server.url, database: "blockloom" };
    await migrate(options);
    const clickhouse = createClickHouse(options);
    await writeFile(file, await renderSchemaDoc(clickhouse));
    await clickhouse.close();
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
