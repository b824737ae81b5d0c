import { defineConfig } from "vitest/config";

/**
 * In this order; the real servers of one file at a time leave enough of two cores to them. A limit ends only what hangs:
 * on a busy machine the same test takes many times as long, and waits have limits of their own.
 */
const projects = [
  { name: "unit", maxWorkers: 2, seconds: 60 },
  { name: "activities", maxWorkers: 2, seconds: 120 },
  { name: "replay", maxWorkers: 1, seconds: 120 },
  { name: "workflows", maxWorkers: 1, seconds: 180 },
  { name: "integration", maxWorkers: 1, seconds: 240 },
];

export default defineConfig({
  test: {
    projects: projects.map(({ name, maxWorkers, seconds }, groupOrder) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        pool: "forks" as const,
        maxWorkers,
        sequence: { groupOrder },
        testTimeout: seconds * 1000,
        hookTimeout: 2 * seconds * 1000,
        expect: { poll: { timeout: (seconds * 1000) / 2 } },
      },
    })),
  },
});
