/** What the front does with a statement. */
export type Statement =
  /** `INSERT` with data: `head` up to the data clause, then SETTINGS (may be empty), format, and data in the SQL text. */
  | {
      readonly kind: "insert-data";
      readonly head: string;
      readonly settings: string;
      readonly format: string;
      readonly inlineData: string;
    }
  /** `INSERT ... SELECT` and other inserts whose rows the engine finds itself. */
  | { readonly kind: "insert-select"; readonly sql: string }
  /** Answers rows. */
  | { readonly kind: "select"; readonly sql: string; readonly format: string | null }
  /** Everything else: DDL, KILL, SET, SHOW. */
  | { readonly kind: "command"; readonly sql: string };

type Word = { readonly text: string; readonly start: number; readonly end: number };

/** Classifies one SQL statement by its words outside of strings, quoted names, comments and brackets. */
export function parseStatement(text: string): Statement {
  const sql = text.replace(/[\s;]+$/, "");
  const words = topLevelWords(sql);
  switch (words[0]?.text) {
    case "INSERT":
      return parseInsert(text, words);
    case "SELECT":
    case "WITH":
      return { kind: "select", sql, format: trailingFormat(words) };
    default:
      return sql.trimStart().startsWith("(")
        ? { kind: "select", sql, format: trailingFormat(words) }
        : { kind: "command", sql };
  }
}

function parseInsert(sql: string, words: readonly Word[]): Statement {
  const clause = words.find(({ text }) =>
    ["FORMAT", "VALUES", "SELECT", "WITH", "FROM", "WATCH"].includes(text),
  );
  if (clause?.text !== "FORMAT" && clause?.text !== "VALUES") {
    return { kind: "insert-select", sql: sql.replace(/[\s;]+$/, "") };
  }
  const settings = words.find(({ text, start }) => text === "SETTINGS" && start < clause.start);
  const head = sql.slice(0, (settings ?? clause).start).trimEnd();
  const settingsText = settings ? sql.slice(settings.start, clause.start).trimEnd() : "";
  if (clause.text === "VALUES") {
    const inlineData = sql.slice(clause.end).replace(/[\s;]+$/, "");
    return { kind: "insert-data", head, settings: settingsText, format: "Values", inlineData };
  }
  const format = /^\s*(\w+)(?:[ \t]*;)?(?:[ \t]*\r?\n|[ \t]+|$)/.exec(sql.slice(clause.end));
  return {
    kind: "insert-data",
    head,
    settings: settingsText,
    format: format?.[1] ?? "TabSeparated",
    inlineData: format ? sql.slice(clause.end + format[0].length) : "",
  };
}

function trailingFormat(words: readonly Word[]): string | null {
  const index = words.findLastIndex(({ text }) => text === "FORMAT");
  return words[index + 1] && index >= 0 ? (words[index + 1]?.text ?? null) : null;
}

/** Quoted text, comments, brackets and words: all that a clause can begin or hide in. */
const token =
  /'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|--[^\n]*|\/\*[\s\S]*?\*\/|[([{]|[)\]}]|[A-Za-z_]\w*/g;

/** Words at bracket depth 0; an `INSERT` is read only as far as its data, which may be megabytes. */
function topLevelWords(sql: string): Word[] {
  const words: Word[] = [];
  let depth = 0;
  for (const match of sql.matchAll(token)) {
    const [text] = match;
    if (/^[([{]$/.test(text)) depth += 1;
    else if (/^[)\]}]$/.test(text)) depth -= 1;
    else if (depth === 0 && /^[A-Za-z_]/.test(text)) {
      const upper = text.toUpperCase();
      const isFormatName = words.at(-1)?.text === "FORMAT";
      words.push({
        text: isFormatName ? text : upper,
        start: match.index,
        end: match.index + text.length,
      });
      if (words[0]?.text === "INSERT" && (upper === "FORMAT" || upper === "VALUES")) break;
    }
  }
  return words;
}
