import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { type Act, addExamples } from "./act.ts";

export function addSchema(program: Command, act: Act): void {
  const schema = program.command("schema").description("the ClickHouse tables and views");
  schema
    .command("print")
    .description("print the SQL of all migrations")
    .action(() => act(printSchema));
  schema
    .command("apply")
    .description("apply the migrations that are missing; safe to repeat")
    .action(() => act(applySchema));
  addExamples(schema, "schema print > schema.sql", "schema apply");
}

async function printSchema(context: CommandContext): Promise<Outcome> {
  const migrations = await context.readSchema();
  return {
    json: { migrations },
    text: migrations.map(({ name, sql }) => `-- ${name}\n${sql.trim()}\n`).join("\n"),
  };
}

async function applySchema(context: CommandContext): Promise<Outcome> {
  const applied = await context.applySchema();
  return {
    json: { applied },
    text:
      applied.length === 0
        ? "The schema is up to date."
        : `Applied ${applied.length} migrations:\n${applied.map((name) => `  ${name}`).join("\n")}`,
  };
}
