import { projectRoot } from "./project-root.ts";
import { resolveTemporalCli } from "./temporal-cli.ts";

// Finds or makes the Temporal CLI ahead of the tests, so that no test waits minutes for a build.
console.log(await resolveTemporalCli({ root: projectRoot, report: console.log }));
