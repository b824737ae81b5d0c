import { log, setHandler } from "@temporalio/workflow";
import type { Processor } from "../domain/processor.ts";
import { refusal } from "./fault.ts";
import type { GapFillJob } from "./gap-fill-job.ts";
import {
  gapFillProgressQuery,
  pauseSignal,
  pendingQuery,
  releaseBlocksSignal,
  requeueBlocksSignal,
  requeueBlocksUpdate,
  resumeSignal,
} from "./message-definitions.ts";
import type { RequeueAnswer } from "./messages.ts";
import { messageNames } from "./messages.ts";
import { parseRequeueRequest, releaseExample, requeueExample } from "./requests.ts";
import { readSignalBody, type SignalBody } from "./signal-body.ts";

/** What people ask of gap-fill. A message changes the job's state and nothing else; a refused one is shown. */
export class GapFillMessages {
  private readonly job: GapFillJob;
  private readonly processors: readonly Processor[];
  private readonly steer: (change: () => void) => void;

  /** @param steer - Makes a change, and lets what rests go on. */
  constructor(
    job: GapFillJob,
    processors: readonly Processor[],
    steer: (change: () => void) => void,
  ) {
    this.job = job;
    this.processors = processors;
    this.steer = steer;
  }

  listen(): void {
    const { job } = this;
    setHandler(gapFillProgressQuery, () => job.progress(Date.now()));
    setHandler(pendingQuery, () => job.requeues.pending);
    setHandler(pauseSignal, () => this.steer(() => job.setPaused(true)), {
      description: "Starts nothing more, but still takes requeues and releases. No body.",
    });
    setHandler(resumeSignal, () => this.steer(() => job.setPaused(false)), {
      description: "Goes on after a pause, or at once after an error that was mended. No body.",
    });
    setHandler(requeueBlocksSignal, (body) => this.takeRequeue(readSignalBody(body)), {
      description: `Indexes blocks again, at most 1,000 a call: ${requeueExample}`,
    });
    setHandler(releaseBlocksSignal, (body) => this.takeRelease(readSignalBody(body)), {
      description: `Frees quarantined blocks: ${releaseExample}`,
    });
    setHandler(requeueBlocksUpdate, (body) => this.requeue(body), {
      description: `Indexes blocks again, at most 1,000 a call: ${requeueExample}`,
      validator: (body) => {
        const parsed = parseRequeueRequest(body, this.processors);
        if (parsed.kind === "refused") throw refusal(parsed.reason);
      },
    });
  }

  private takeRequeue(body: SignalBody): void {
    this.steer(() => {
      const answer =
        body.kind === "unreadable"
          ? { kind: "refused" as const, reason: body.reason }
          : this.job.requeue(body.value);
      const [full] = answer.kind === "ok" ? answer.request.refused : [];
      if (answer.kind === "refused") this.refuse(messageNames.requeueBlocks, answer.reason);
      if (full) this.refuse(messageNames.requeueBlocks, `${full.blocks}: ${full.why}`);
    });
  }

  private takeRelease(body: SignalBody): void {
    this.steer(() => {
      const why = body.kind === "unreadable" ? body.reason : this.job.release(body.value);
      if (why !== null) this.refuse(messageNames.releaseBlocks, why);
    });
  }

  /** The update's handler; its validator has refused what cannot be read. */
  private requeue(body: unknown): RequeueAnswer {
    const answer = this.job.requeue(body);
    if (answer.kind === "refused") throw refusal(answer.reason);
    this.steer(() => {});
    return answer.request;
  }

  private refuse(message: string, reason: string): void {
    log.warn("Refused a message", { signal: message, reason });
    this.job.noteRefusal(`${message}: ${reason}`);
  }
}
