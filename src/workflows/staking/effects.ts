import { isCancellation, proxyActivities, proxyLocalActivities } from "@temporalio/workflow";
import { nonceWords } from "../../domain/staking/nonce-words.ts";
import { stakeTaskQueues } from "./messages.ts";
import type { StakeActivities } from "./stake-activities.ts";

// The signer never waits for ever in one activity: its lanes show what is away and try again by themselves, so that a
// run can make room for the next and a person can see what is wrong.

/** Activities of the transaction worker beat every second: the death of their worker is noticed within this time. */
const heartbeatTimeout = "5 seconds";

/** Six tries take about 6 s; then the lane shows the fault and backs off. */
const someTries = {
  initialInterval: "200 milliseconds",
  backoffCoefficient: 2,
  maximumInterval: "5 seconds",
  maximumAttempts: 6,
} as const;

type Input<Name extends keyof StakeActivities> = Parameters<StakeActivities[Name]>[0];
type Answer<Name extends keyof StakeActivities> = ReturnType<StakeActivities[Name]>;

/** Looks at a node, or sends to it. Repeatable: reads, or the same bytes. */
const atNode = proxyActivities<
  Pick<StakeActivities, "prepareCalls" | "broadcastTransactions" | "readReceipts">
>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  scheduleToCloseTimeout: "1 minute",
  retry: someTries,
});

/** Fresh checks before a nonce is given. */
export function prepareCalls(input: Input<"prepareCalls">): Answer<"prepareCalls"> {
  const { length } = input.items;
  const summary = length === 1 ? "1 request" : `${length} requests`;
  return atNode.prepareCalls.executeWithOptions({ summary }, [input]);
}

export function broadcastTransactions(
  input: Input<"broadcastTransactions">,
): Answer<"broadcastTransactions"> {
  return atNode.broadcastTransactions.executeWithOptions(ofNonces(input), [input]);
}

export function readReceipts(input: Input<"readReceipts">): Answer<"readReceipts"> {
  return atNode.readReceipts.executeWithOptions(ofNonces(input), [input]);
}

const watch = proxyActivities<Pick<StakeActivities, "watchAccount">>({
  startToCloseTimeout: "2 minutes",
  scheduleToCloseTimeout: "3 minutes",
  heartbeatTimeout,
  cancellationType: "TRY_CANCEL",
  retry: someTries,
});

/** Waits at a node until the account moves. */
export function watchAccount(input: Input<"watchAccount">): Answer<"watchAccount"> {
  const { latestNonce, finalNonce, maximumSeconds } = input;
  const summary = `until more than ${latestNonce} are mined or ${finalNonce} final, ${maximumSeconds} s at most`;
  return watch.watchAccount.executeWithOptions({ summary }, [input]);
}

/** Signs on the queue of the one worker that holds the key. No effect outside. */
export function signTransactions(input: Input<"signTransactions">): Answer<"signTransactions"> {
  const { signTransactions: sign } = proxyActivities<Pick<StakeActivities, "signTransactions">>({
    taskQueue: stakeTaskQueues.signer(input.chainId),
    startToCloseTimeout: "10 seconds",
    scheduleToCloseTimeout: "1 minute",
    retry: someTries,
  });
  return sign.executeWithOptions(ofNonces(input), [input]);
}

/** What a request does on its way, besides waiting for the signer: short, and repeatable for ever. */
type RequestActivities = Pick<
  StakeActivities,
  "checkRequest" | "recordRequest" | "noteEntity" | "announceStake"
>;

/**
 * One quick try inside the workflow task: a request's way costs the server a third of the tasks. It runs again where the
 * worker dies, so only effects that may be repeated are done so.
 */
const here = proxyLocalActivities<RequestActivities>({
  startToCloseTimeout: "4 seconds",
  retry: { maximumAttempts: 1 },
});

/** A node that is away shows as such between the tries. */
const looks = proxyActivities<Pick<RequestActivities, "checkRequest">>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  scheduleToCloseTimeout: "1 minute",
  retry: someTries,
});

/** Notes for others. Repeatable for ever. */
const notes = proxyActivities<
  Pick<StakeActivities, "ensureSigner" | "recordRequest" | "noteEntity">
>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "10 seconds" },
});
export const { ensureSigner } = notes;

/** A receiver that is away is tried for some minutes and then left. */
const announcements = proxyActivities<Pick<RequestActivities, "announceStake">>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumAttempts: 8 },
});

/** A look at one request before any gas. */
export const checkRequest = hereFirst(here.checkRequest, looks.checkRequest);
export const recordRequest = hereFirst(here.recordRequest, notes.recordRequest);
export const noteEntity = hereFirst(here.noteEntity, notes.noteEntity);
export const announceStake = hereFirst(here.announceStake, announcements.announceStake);

/** Where the quick try fails, the server takes the effect over and repeats it by its own rules. */
function hereFirst<Given, Told>(
  quick: (input: Given) => Promise<Told>,
  lasting: (input: Given) => Promise<Told>,
): (input: Given) => Promise<Told> {
  return async (input) => {
    try {
      return await quick(input);
    } catch (error) {
      if (isCancellation(error)) throw error;
      return lasting(input);
    }
  };
}

const rows = proxyActivities<Pick<StakeActivities, "recordTransactions">>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  scheduleToCloseTimeout: "1 minute",
  retry: someTries,
});

/** Rows of attempts. The lane tries again by itself. */
export function recordTransactions(
  input: Input<"recordTransactions">,
): Answer<"recordTransactions"> {
  return rows.recordTransactions.executeWithOptions(ofNonces(input), [input]);
}

/** What Temporal's UI shows beside a call's name. In clear, so without the calls. */
function ofNonces({ items }: { readonly items: readonly { readonly nonce: number }[] }): {
  readonly summary: string;
} {
  return { summary: nonceWords(items.map(({ nonce }) => nonce)) };
}
