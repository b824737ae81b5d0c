import { formatNumber, formatTime, table } from "../details.ts";
import type { StakeBridgeProgress } from "./bridge-shapes.ts";

/** What the bridge shows in the Temporal UI. */
export function describeBridge(progress: StakeBridgeProgress): string {
  const { totals, queue } = progress;
  const isShadow = totals.checked !== null;
  const running = isShadow ? "Running in shadow mode: nothing is started" : "Running";
  return table(progress.paused ? "Paused" : running, [
    ["chain", String(progress.chainId)],
    ["since", formatTime(progress.startedAt)],
    ["as of", "the end of the last call, 30 s ago at most"],
    ["requests started", isShadow ? null : formatNumber(totals.started)],
    ["known before", isShadow ? null : formatNumber(totals.alreadyKnown)],
    ["looked at", describeChecked(totals.checked)],
    ["no request could be made of", `${formatNumber(totals.poisoned)} entries`],
    ["the last of those", totals.lastPoison],
    ["left for later", progress.postponed > 0 ? formatNumber(progress.postponed) : null],
    ["not acknowledged", queue && formatNumber(queue.unacknowledged)],
    ["the oldest of those", queue?.oldestAt ? formatTime(queue.oldestAt) : null],
    ["last error", totals.lastError],
    ["waits for", progress.waitingFor],
  ]);
}

function describeChecked(checked: StakeBridgeProgress["totals"]["checked"]): string | null {
  if (checked === null) return null;
  return Object.entries(checked)
    .map(([verdict, count]) => `${formatNumber(count)} ${verdict}`)
    .join(", ");
}
