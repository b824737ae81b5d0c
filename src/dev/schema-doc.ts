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
