/** What a problem document says beside `type`, `status` and `requestId` (RFC 9457); `error` and the rest are extensions. */
export type ProblemOptions = {
  /** The last part of `type`; docs/api.md lists them. */
  readonly kind: string;
  readonly status: number;
  /** The same for all problems of a kind. */
  readonly title: string;
  readonly detail?: string;
  readonly fix?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of the reference's error bodies: `error`, `block_number`, `processor`. */
  readonly members?: Readonly<Record<string, unknown>>;
};

/** Ends a request with a problem document. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly options: ProblemOptions;
  constructor(options: ProblemOptions) {
    super(options.detail ?? options.title);
    this.options = options;
  }
}

/** The body of an `application/problem+json` answer. */
export function toDocument(problem: ProblemOptions, requestId: string): Record<string, unknown> {
  const { kind, status, title, detail, fix, members } = problem;
  return {
    type: `urn:blockloom:problem:${kind}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(fix === undefined ? {} : { fix }),
    requestId,
    ...members,
  };
}

export const problemType = "application/problem+json; charset=utf-8";
