import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { ConfigError } from "../errors.ts";
import type { Environment } from "./environment.ts";

const defaultFile = "blockloom.yaml";

/** What a configuration file says, before it is checked. */
export type FileSettings = {
  /** null: there is no file. */
  readonly path: string | null;
  readonly settings: Record<string, unknown>;
  /** `${VAR}`s whose variable is not set, with the key they stand at. */
  readonly missingSecrets: readonly { readonly key: string; readonly variable: string }[];
};

/**
 * Reads blockloom.yaml, or the file that BLOCKLOOM_CONFIG names, and puts the environment's values in place of `${VAR}`.
 * @throws {ConfigError} when the named file does not exist or is no YAML mapping.
 */
export function readConfigFile(env: Environment, cwd: string): FileSettings {
  const named = env.BLOCKLOOM_CONFIG;
  const path = resolve(cwd, named || defaultFile);
  const source = readIfExists(path);
  if (source === undefined) {
    if (named) {
      throw new ConfigError("The configuration file cannot be read.", {
        facts: [`BLOCKLOOM_CONFIG: ${named}`],
        fix: "name a file that exists and can be read, or unset BLOCKLOOM_CONFIG.",
      });
    }
    return { path: null, settings: {}, missingSecrets: [] };
  }
  const missingSecrets: { key: string; variable: string }[] = [];
  const settings = substitute(parseYaml(source, path), "", env, missingSecrets);
  if (!isMapping(settings)) {
    throw new ConfigError("The configuration file is not a mapping of keys.", {
      facts: [`file: ${path}`],
      fix: "write keys such as `networks:`; examples/blockloom.yaml shows all of them.",
    });
  }
  return { path, settings, missingSecrets };
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function parseYaml(source: string, path: string): unknown {
  try {
    return parse(source) ?? {};
  } catch (error) {
    // The message of the parser quotes the line, which may hold a token: only its place goes on.
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    throw new ConfigError("The configuration file is not YAML.", {
      facts: [`file: ${path}`, ...(line === undefined ? [] : [`line: ${line}`])],
      fix: "mend that line; examples/blockloom.yaml shows the form.",
    });
  }
}

/** Works on parsed text, not on the source, so that no secret can break out of its value. */
function substitute(
  value: unknown,
  key: string,
  env: Environment,
  missing: { key: string; variable: string }[],
): unknown {
  if (typeof value === "string") {
    return value.replaceAll(/\$\{(\w+)\}/g, (placeholder, variable: string) => {
      const secret = env[variable];
      if (secret) return secret;
      missing.push({ key, variable });
      return placeholder;
    });
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => substitute(item, join(key, String(index)), env, missing));
  }
  if (isMapping(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        substitute(item, join(key, name), env, missing),
      ]),
    );
  }
  return value;
}

function join(key: string, part: string): string {
  return key === "" ? part : `${key}.${part}`;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
