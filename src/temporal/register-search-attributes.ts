import type { OperatorService } from "@temporalio/client";
import { SearchAttributeType } from "@temporalio/common";
import { ConfigError } from "../errors.ts";
import { grpcStatus, statusOf } from "./grpc-status.ts";
import { searchAttributeTypes } from "./search-attributes.ts";

/** `temporal.api.enums.v1.IndexedValueType`; the package with the enum has no ESM exports. */
const indexedValueTypes: Readonly<Record<string, number>> = {
  [SearchAttributeType.KEYWORD]: 2,
  [SearchAttributeType.INT]: 3,
  [SearchAttributeType.DOUBLE]: 4,
};

/**
 * Registers our search attributes in a namespace. Idempotent.
 * Compares the types of those that stand there already: the server takes a clash in silence and keeps the old type,
 * and an upsert of an unregistered one would fail its workflow task for ever.
 * @throws {ConfigError} when the namespace does not exist, or holds one of the names with another type.
 */
export async function registerSearchAttributes(
  operatorService: OperatorService,
  namespace: string,
): Promise<void> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = findMissing(namespace, customAttributes ?? {});
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(missing);
    await operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    throw explain(error, namespace) ?? error;
  }
}

/** Names and type numbers that are not registered yet. @throws {ConfigError} */
function findMissing(
  namespace: string,
  existing: Readonly<Record<string, number>>,
): [name: string, type: number][] {
  const wanted = Object.entries(searchAttributeTypes).map(([name, type]): [string, number] => [
    name,
    indexedValueTypes[type] ?? 0,
  ]);
  const clashes = wanted.filter(([name, type]) => (existing[name] ?? type) !== type);
  if (clashes.length === 0) return wanted.filter(([name]) => existing[name] === undefined);
  throw new ConfigError("Temporal's namespace has search attributes of other types.", {
    facts: [
      `namespace: ${namespace}`,
      ...clashes.map(
        ([name, type]) => `${name}: registered as type ${existing[name]}, needed as type ${type}`,
      ),
    ],
    fix: "remove them with `temporal operator search-attribute remove`, or use another TEMPORAL_NAMESPACE.",
  });
}

function explain(error: unknown, namespace: string): ConfigError | undefined {
  switch (statusOf(error)) {
    case grpcStatus.notFound:
      return new ConfigError("Temporal does not know the namespace.", {
        facts: [`namespace: ${namespace}`],
        fix: "create it with `temporal operator namespace create`, or correct TEMPORAL_NAMESPACE.",
      });
    // Temporal Cloud and locked-down servers let only their operators register.
    case grpcStatus.permissionDenied:
    case grpcStatus.unimplemented:
      return new ConfigError("Temporal does not let us register search attributes.", {
        facts: [
          `namespace: ${namespace}`,
          `needed: ${Object.keys(searchAttributeTypes).join(", ")}`,
        ],
        fix: "have an operator of the server create them; docs/operations.md lists their types.",
      });
    default:
      return undefined;
  }
}
