import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { renderSchemaDoc } from "../../../src/dev/schema-doc.ts";
import { startTestClickHouse } from "../../support/clickhouse.ts";

test("docs/schema.md says what the migrations make", async () => {
  const clickhouse = await startTestClickHouse();
  try {
    const rendered = await renderSchemaDoc(clickhouse.client);
    const stored = await readFile(new URL("../../../docs/schema.md", import.meta.url), "utf8");
    expect(stored, "run: node --import tsx src/dev/schema-doc.ts").toBe(rendered);
  } finally {
    await clickhouse.stop();
  }
});
