import { fileURLToPath } from "node:url";

/** The project's folder: two up from src/dev and from dist/dev alike. */
export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));
