import { upsertSearchAttributes, workflowInfo } from "@temporalio/workflow";
import { type JobStatus, jobStatuses, searchAttributeKeys } from "../search-attributes.ts";

/** Keeps the search attributes of a staking workflow true, an event only where the status changes. One a workflow run. */
export class StakeAttributes {
  private readonly jobKind: "signer" | "stake" | "stake-bridge";
  private readonly chainId: number;
  private written: JobStatus | undefined;

  constructor(jobKind: "signer" | "stake" | "stake-bridge", chainId: number) {
    this.jobKind = jobKind;
    this.chainId = chainId;
  }

  write(jobStatus: JobStatus): void {
    this.written ??= statusAtStart();
    if (jobStatus === this.written) return;
    this.written = jobStatus;
    upsertSearchAttributes([
      { key: searchAttributeKeys.network, value: `chain-${this.chainId}` },
      { key: searchAttributeKeys.jobKind, value: this.jobKind },
      { key: searchAttributeKeys.jobStatus, value: jobStatus },
    ]);
  }
}

/** What the start wrote, or the run before. */
function statusAtStart(): JobStatus | undefined {
  const status = workflowInfo().typedSearchAttributes.get(searchAttributeKeys.jobStatus);
  return jobStatuses.find((known) => known === status);
}
