import { isCancellation, proxyActivities, proxyLocalActivities } from "@temporalio/workflow";
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

/** Looks at a node, or sends to it. Repeatable: reads, or the same bytes. */
export const { prepareCalls, broadcastTransactions, readReceipts } = proxyActivities<
  Pick<StakeActivities, "prepareCalls" | "broadcastTransactions" | "readReceipts">
>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  scheduleToCloseTimeout: "1 minute",
  retry: someTries,
});

/** Waits at a node until the account moves. */
export const { watchAccount } = proxyActivities<Pick<StakeActivities, "watchAccount">>({
  startToCloseTimeout: "2 minutes",
  scheduleToCloseTimeout: "3 minutes",
  heartbeatTimeout,
  cancellationType: "TRY_CANCEL",
  retry: someTries,
});

/** Signs on the queue of the one worker that holds the key. No effect outside. */
export function signTransactions(
  input: Parameters<StakeActivities["signTransactions"]>[0],
): ReturnType<StakeActivities["signTransactions"]> {
  const { signTransactions: sign } = proxyActivities<Pick<StakeActivities, "signTransactions">>({
    taskQueue: stakeTaskQueues.signer(input.chainId),
    startToCloseTimeout: "10 seconds",
    scheduleToCloseTimeout: "1 minute",
    retry: someTries,
  });
  const nonces = input.items.map(({ nonce }) => nonce);
  return sign.executeWithOptions({ summary: `nonces ${nonces.join(", ")}` }, [input]);
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
function hereFirst<Input, Answer>(
  quick: (input: Input) => Promise<Answer>,
  lasting: (input: Input) => Promise<Answer>,
): (input: Input) => Promise<Answer> {
  return async (input) => {
    try {
      return await quick(input);
    } catch (error) {
      if (isCancellation(error)) throw error;
      return lasting(input);
    }
  };
}

/** Rows of attempts. The lane tries again by itself. */
export const { recordTransactions } = proxyActivities<Pick<StakeActivities, "recordTransactions">>({
  startToCloseTimeout: "30 seconds",
  heartbeatTimeout,
  scheduleToCloseTimeout: "1 minute",
  retry: someTries,
});
