import { formatEther } from "viem";
import type { StakeRequestStatus } from "../../workflows/staking/request-shapes.ts";
import type { StakingResult } from "./staking-story.ts";
import { type Line, line } from "./table.ts";

/** The last word of the second half: what was promised, what the chain says, and whether it is right. */
export function judgeStaking(result: StakingResult): Line[] {
  const { stake, restake, theft, spiked, killed, books } = result;
  return [
    landed("stake of a user without ether", stake),
    landed("restake", restake),
    line(
      "theft",
      `${theft.state}: ${theft.reason?.code ?? ""}`,
      theft.state === "refused" && theft.reason?.code === "NOT_STAKE_OWNER" && theft.nonce === null,
    ),
    landed("stake in a fee spike", spiked),
    line("fees raised", String(result.bumps), result.bumps >= 1),
    landed("stake of a killed worker", killed),
    line("worker kills", String(result.workerKills), result.workerKills === 1),
    line("the first request handed in again", result.again, result.again === "known"),
    line("transactions for 4 requests", String(books.transactions), books.transactions === 4),
    line("nonces used", String(books.nonces), books.nonces === 4),
    line("reverted", String(books.reverted), books.reverted === 0),
    line("gas that the service paid", `${formatEther(books.gasWei)} ether`, books.gasWei > 0n),
    line("wei that no gas explains", String(books.unexplainedWei), books.unexplainedWei === 0n),
    line("ether of all users", formatEther(result.usersWei), result.usersWei === 0n),
    line(
      "staked as signed, says the contract",
      result.stakedAsSigned ? "yes" : "no",
      result.stakedAsSigned,
    ),
  ];
}

function landed(what: string, { state, transactionHash }: StakeRequestStatus): Line {
  return line(
    what,
    `${state}, ${transactionHash?.slice(0, 18) ?? "no transaction"}`,
    state === "succeeded",
  );
}
