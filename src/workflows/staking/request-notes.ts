import { condition } from "@temporalio/workflow";
import { isFault } from "../fault.ts";
import { announceStake, noteEntity, recordRequest } from "./effects.ts";
import type { StakeRequestInput, StakeRequestStatus } from "./request-shapes.ts";

/** States worth a row before the end: the others pass in moments. */
const notedStates = ["waiting", "broadcast"];

/** Keeps the table, the stream's hash and the operator's webhook up to date, beside the work and never before it. */
export class RequestNotes {
  private readonly input: StakeRequestInput;
  private readonly read: () => StakeRequestStatus;
  private noted: StakeRequestStatus | null = null;
  private notedHash: StakeRequestStatus["transactionHash"] = null;
  private isDue = false;
  private isEnding = false;
  private isBusy = false;

  constructor(input: StakeRequestInput, read: () => StakeRequestStatus) {
    this.input = input;
    this.read = read;
    this.notedHash = input.state?.status.transactionHash ?? null;
  }

  /** Notes what changed until `finish`. */
  async start(): Promise<void> {
    for (;;) {
      await condition(() => this.isDue || this.isEnding);
      if (!this.isDue) return;
      this.isBusy = true;
      this.isDue = false;
      await this.note(this.read());
      this.isBusy = false;
    }
  }

  changed(): void {
    const { state, isFinal } = this.read();
    if (isFinal || notedStates.includes(state)) this.isDue = true;
  }

  /** Waits until everything is noted; at the end of a request that is the last word to all. */
  async finish(): Promise<void> {
    this.isEnding = true;
    await condition(() => !this.isDue && !this.isBusy);
  }

  private async note(status: StakeRequestStatus): Promise<void> {
    if (status === this.noted) return;
    const { source, actor } = this.input;
    this.noted = status;
    await Promise.all([
      recordRequest({ status, source, actor }),
      this.noteEntity(status),
      status.isFinal ? announce(status) : undefined,
    ]);
  }

  private async noteEntity({ transactionHash, isFinal }: StakeRequestStatus): Promise<void> {
    const { entity } = this.input;
    const isNews = isFinal || (transactionHash !== null && transactionHash !== this.notedHash);
    if (!entity || !isNews) return;
    this.notedHash = transactionHash;
    await noteEntity({ entity, transactionHash, isFinal });
  }
}

async function announce(status: StakeRequestStatus): Promise<void> {
  try {
    await announceStake({ status });
  } catch (error) {
    if (!isFault(error)) throw error;
  }
}
