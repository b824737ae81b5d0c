import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../../src/dev/demo-chain/random.ts";
import type { Role, StakingStack } from "./staking-stack.ts";

const victims = [["stake"], ["sign"], ["stake", "sign"]] as const satisfies readonly Role[][];
const longestLifeMs = 1500;

/** Kills workers at random moments, one kind or both, and starts others; all of them run when it returns. */
export async function killAtRandom(
  stack: Pick<StakingStack, "kill" | "startWorker">,
  random: Random,
  kills: number,
): Promise<void> {
  for (let kill = 0; kill < kills; kill += 1) {
    await sleep(random.between(0, longestLifeMs));
    const roles = random.pick<readonly Role[]>(victims);
    await Promise.all(roles.map((role) => stack.kill(role)));
    await Promise.all(roles.map((role) => stack.startWorker(role)));
  }
}
