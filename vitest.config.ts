import { defineConfig } from "vitest/config";

/** In this order; the real servers of one file at a time leave enough of two cores to them. */
const projects = [
  { name: "unit", maxWorkers: 2, seconds: 20 },
  { name: "activities", maxWorkers: 2, seconds: 30 },
  { name: "replay", maxWorkers: 1, seconds: 60 },
  { name: "workflows", maxWorkers: 1, seconds: 60 },
  { name: "integration", maxWorkers: 1, seconds: 120 },
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
      },
    })),
  },
});
