import { z } from "zod";

// Kinds of values that several sections share; their faults never repeat the value.

export const wholeNumber = (unit: string, { minimum }: { minimum: number }) =>
  z
    .number({ error: `must be a whole number (${unit})` })
    .int({ error: `must be a whole number (${unit})` })
    .min(minimum, { error: `must be at least ${minimum} (${unit})` });

export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });

export const text = z.string({ error: "must be text" }).min(1, { error: "must not be empty" });

export const httpUrl = text.refine((url) => /^https?:\/\/[^/\s]+/.test(url) && URL.canParse(url), {
  error: "must be a http:// or https:// url",
});
