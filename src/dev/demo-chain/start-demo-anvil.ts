import { join } from "node:path";
import { type Anvil, startAnvil } from "../anvil.ts";

/** The demo's node: mines only when told, keeps the order of arrival, and its clock starts at a fixed time. */
export function startDemoAnvil(options: {
  readonly dataDir: string;
  readonly port?: number;
  /** More of anvil's own flags. */
  readonly args?: readonly string[];
}): Promise<Anvil> {
  return startAnvil({
    logFile: join(options.dataDir, "logs", "anvil.log"),
    args: ["--no-mining", "--order=fifo", "--timestamp=1700000000", ...(options.args ?? [])],
    ...(options.port === undefined ? {} : { port: options.port }),
  });
}
