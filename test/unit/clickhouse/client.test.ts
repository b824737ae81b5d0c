import { afterEach, expect, test, vi } from "vitest";
import { createClickHouse } from "../../../src/clickhouse/client.ts";

afterEach(() => vi.restoreAllMocks());

test("credentials in the url win over the settings, and nothing is said of it on the console", async () => {
  const said = ["warn", "error", "info", "log"] as const;
  const spies = said.map((level) => vi.spyOn(console, level).mockImplementation(() => {}));
  const clickhouse = createClickHouse({
    url: "http://kim:secret@127.0.0.1:8123",
    database: "blockloom",
    user: "default",
    password: "other",
  });
  await clickhouse.close();
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
