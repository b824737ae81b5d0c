/** Forks that change a rule of section "fork gate", oldest first. Blob-parameter forks follow osaka. */
export const forks = [
  "frontier",
  "homestead",
  "tangerine",
  "spurious",
  "byzantium",
  "constantinople",
  "petersburg",
  "istanbul",
  "berlin",
  "london",
  "paris",
  "shanghai",
  "cancun",
  "prague",
  "osaka",
  "amsterdam",
] as const;
export type Fork = (typeof forks)[number];

/** Whether `fork` is `since` or later. */
export function isAtLeast(fork: Fork, since: Fork): boolean {
  return forks.indexOf(fork) >= forks.indexOf(since);
}
