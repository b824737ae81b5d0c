import { condition } from "@temporalio/workflow";
import { describeFault, isFault } from "../fault.ts";

/** One strand of a signer's work: what there is to do now, when time alone may bring more, and how it is done. */
export type Lane<Work> = {
  readonly isStopped: () => boolean;
  /** null: nothing to do now. Asked at every step of the workflow, so it only reads. */
  readonly work: () => Work | null;
  /** Epoch milliseconds; null: only an event brings more work. */
  readonly wakeAtMs: () => number | null;
  readonly run: (work: Work) => Promise<void>;
  /** null: it went well. */
  readonly onFault: (fault: string | null) => void;
};

const shortestTimerMs = 200;
const firstBackOffMs = 1000;
const longestBackOffMs = 30_000;

/** Works until it is stopped. A fault of an effect is shown and tried again after a while: it never ends a lane. */
export async function runLane<Work>(lane: Lane<Work>): Promise<void> {
  let faults = 0;
  while (!lane.isStopped()) {
    const work = lane.work();
    if (work === null) {
      // Nothing waits for what did not answer.
      lane.onFault(null);
      await waitForWork(lane);
      continue;
    }
    try {
      await lane.run(work);
      faults = 0;
      lane.onFault(null);
    } catch (error) {
      if (!isFault(error)) throw error;
      lane.onFault(describeFault(error));
      const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** faults);
      faults += 1;
      await condition(lane.isStopped, backOffMs, { summary: "tries again" });
    }
  }
}

async function waitForWork<Work>(lane: Lane<Work>): Promise<void> {
  const isReady = (): boolean => lane.isStopped() || lane.work() !== null;
  const wakeAtMs = lane.wakeAtMs();
  if (wakeAtMs === null) {
    await condition(() => isReady() || lane.wakeAtMs() !== null);
  } else {
    await condition(isReady, Math.max(shortestTimerMs, wakeAtMs - Date.now()));
  }
}
