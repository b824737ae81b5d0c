import { workflowInfo } from "@temporalio/workflow";

/** Messages after which a run makes room for the next. The server refuses a run's 2,000th update and 10,000th signal. */
const maximumMessages = 1000;

/** Tells when a run has grown long enough to continue as new. One a workflow run. */
export class RunLimits {
  private messages = 0;

  /** Counts a signal or an update. */
  countMessage(): void {
    this.messages += 1;
  }

  /** Whether this run should continue as new at the next safe point. Every wait of a workflow wakes on it. */
  get isReached(): boolean {
    return this.messages >= maximumMessages || workflowInfo().continueAsNewSuggested;
  }
}
