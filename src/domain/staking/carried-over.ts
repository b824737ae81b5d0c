import { queueFullCode } from "./intake.ts";
import type { Notice, SignerState } from "./signer-state.ts";

/** Words that may be said again later, of those that a run hands to the next; about 350 bytes each. */
const maximumCarried = 100;

/**
 * What a run hands to the next: all of the state but words of which too many wait to be heard, and which nobody misses.
 * A request that hears nothing asks again by itself, and hears where it stands then.
 */
export function carriedOver(state: SignerState): SignerState {
  const sayableAgain = state.notices.filter(isSayableAgain);
  const left = new Set(sayableAgain.slice(maximumCarried));
  return { ...state, notices: state.notices.filter((notice) => !left.has(notice)) };
}

/** That it stands in the queue, or found no place in it. What came of a nonce is said once and has to be heard. */
function isSayableAgain({ kind, body }: Notice): boolean {
  if (kind === "progressed") return body.nonce === null;
  if (body.kind !== "returned" || body.verdict.kind !== "wait") return false;
  return body.verdict.reason.code === queueFullCode;
}
