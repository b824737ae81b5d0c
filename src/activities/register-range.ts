import type { RegisterRangeInput } from "../workflows/messages.ts";
import type { Dependencies } from "./ports.ts";

/** Notes which blocks a job is to index, and whether it still does. Idempotent: the last note of a workflow counts. */
export function createRegisterRange({ ranges }: Pick<Dependencies, "ranges">) {
  return async function registerRange(input: RegisterRangeInput): Promise<void> {
    const { processors, ...range } = input;
    await ranges.write(processors.map((processor) => ({ ...range, processor })));
  };
}
