import { activityInfo, heartbeat } from "@temporalio/activity";

const beatMs = 1000;

/** Heartbeats while an activity works, so that its worker's death is noticed within seconds instead of at its timeout. */
export function beating<Input, Answer>(
  work: (input: Input) => Promise<Answer>,
): (input: Input) => Promise<Answer> {
  return async (input) => {
    if (activityInfo().isLocal) return work(input); // its workflow task tells
    const beat = setInterval(() => heartbeat(), beatMs);
    try {
      return await work(input);
    } finally {
      clearInterval(beat);
    }
  };
}
