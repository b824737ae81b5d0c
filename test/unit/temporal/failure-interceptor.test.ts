import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { expect, test } from "vitest";
import { NodeUnavailableError, WrongChainError } from "../../../src/errors.ts";
import { toFailure } from "../../../src/temporal/failure-interceptor.ts";

test("an error of ours keeps its name, its message and whether a retry makes sense; not its cause and stack", () => {
  const away = toFailure(
    new NodeUnavailableError({ node: "a", method: "eth_chainId", reason: "ECONNREFUSED" }),
  );
  expect(away).toBeInstanceOf(ApplicationFailure);
  expect(away).toMatchObject({
    type: "NodeUnavailableError",
    nonRetryable: false,
    stack: "",
    cause: undefined,
  });
  const wrong = toFailure(
    new WrongChainError({ network: "mainnet", node: "a", expected: 1, actual: 5 }),
  );
  expect(wrong).toMatchObject({ type: "WrongChainError", nonRetryable: true });
});

test("a foreign error passes without urls in message and stack, and may be retried", () => {
  const failure = toFailure(new TypeError("fetch failed: https://host/t0ken", { cause: "t0ken" }));
  expect(failure).toMatchObject({
    type: "TypeError",
    nonRetryable: false,
    message: "fetch failed: [url]",
  });
  expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("t0ken");
});

test("cancellation passes as it is", () => {
  const cancelled = new CancelledFailure("CANCELLED");
  expect(toFailure(cancelled)).toBe(cancelled);
  const aborted = new DOMException("aborted", "AbortError");
  expect(toFailure(aborted)).toBe(aborted);
});
