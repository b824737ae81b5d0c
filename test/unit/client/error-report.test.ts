import { expect, test } from "vitest";
import { reportError } from "../../../src/client/error-report.ts";
import { NoWorkerError, RangeBeyondHeadError } from "../../../src/errors.ts";

test("an error of ours keeps its what, facts and fix, and a refusal exits 2", () => {
  const report = reportError(new RangeBeyondHeadError({ toBlock: 9, head: 5 }), "1.0.0");
  expect(report.exitCode).toBe(2);
  expect(report.text).toMatchInlineSnapshot(`
    "The range ends above the head of the chain.
      to: 9
      head: 5
      Fix: end it at 5 or below, and let follow index what comes after."
  `);
  expect(report.json.error).toEqual({
    name: "RangeBeyondHeadError",
    message: "The range ends above the head of the chain.",
    facts: ["to: 9", "head: 5"],
    fix: "end it at 5 or below, and let follow index what comes after.",
  });
});

test("what may succeed later exits 1", () => {
  expect(reportError(new NoWorkerError({ workflowId: "follow/a" }), "1.0.0").exitCode).toBe(1);
});

test("an unexpected error is one line without stack or url, and says how to report it", () => {
  const error = new TypeError("cannot read http://user:key@node/token\nat somewhere");
  const report = reportError(error, "1.0.0");
  expect(report.exitCode).toBe(1);
  expect(report.text).toBe(
    "Unexpected error: cannot read [url] (please report it with the command you ran and the version (1.0.0).)",
  );
  expect(report.json.error.name).toBe("UnexpectedError");
});

test("whatever is thrown is reported", () => {
  expect(reportError("a text", "1.0.0").json.error.message).toBe("a text");
});
