import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { signerMetrics, stakeActivityMetrics } from "../../src/domain/staking/metric-names.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(resolve(root, file), "utf8");
const rulesFile = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          annotations: z.object({ summary: z.string(), action: z.string() }),
        }),
      ),
    }),
  ),
});
const names = [...Object.values(signerMetrics), ...Object.values(stakeActivityMetrics)];
const metricsIn = (text: string) => new Set(text.match(/blockloom_stake_[a-z_]+/g));
/** The exporter puts the ending after counters. */
const isKnown = (metric: string) =>
  names.some((name) => metric === name || metric === `${name}_total`);

test("the alert rules look at metrics that exist", () => {
  const rules = rulesFile
    .parse(parse(read("deploy/alerts/staking.yaml")))
    .groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(4);
  for (const { alert, expr } of rules) {
    const metrics = [...metricsIn(expr)];
    expect(metrics.length, alert).toBeGreaterThan(0);
    for (const metric of metrics) expect(isKnown(metric), `${alert}: ${metric}`).toBe(true);
  }
});

test("docs/staking.md tells every metric of the staking service, and no other", () => {
  const told = [...metricsIn(read("docs/staking.md"))];
  expect(told.filter((metric) => !isKnown(metric))).toEqual([]);
  expect(names.filter((name) => !told.some((metric) => metric.startsWith(name)))).toEqual([]);
});
