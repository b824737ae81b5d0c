/** Exit codes of every command (design, section 6). */
export const exitCodes = { done: 0, failed: 1, refused: 2, notProven: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What a command came to: one document for programs, the same in words for people. */
export type Outcome = {
  readonly json: unknown;
  readonly text: string;
  /** Default: done. */
  readonly exitCode?: ExitCode;
};
