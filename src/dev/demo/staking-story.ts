import type { Client } from "@temporalio/client";
import type { StakeCall } from "../../domain/staking/stake-call.ts";
import { type StartedRequest, startRequest } from "../../staking/start-request.ts";
import { stakeMessageNames, stakeWorkflowIds } from "../../workflows/staking/messages.ts";
import type { StakeRequestStatus } from "../../workflows/staking/request-shapes.ts";
import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";
import { chainId } from "../anvil.ts";
import { callNode } from "../json-rpc.ts";
import type { SupervisedWorker } from "../supervised-worker.ts";
import { waitUntil } from "../wait-until.ts";
import { readSignerBooks, type SignerBooks } from "./staking-books.ts";
import { dipOfPerson, mineEverySecond, oneDip, type StakingWorld } from "./staking-world.ts";

/** What the second half showed, for its table. */
export type StakingResult = {
  readonly stake: StakeRequestStatus;
  readonly restake: StakeRequestStatus;
  readonly theft: StakeRequestStatus;
  readonly spiked: StakeRequestStatus;
  readonly killed: StakeRequestStatus;
  readonly again: StartedRequest["kind"];
  readonly bumps: number;
  readonly workerKills: number;
  /** What the chain itself says of the paying account. */
  readonly books: SignerBooks;
  /** Ether of all users together, wei. */
  readonly usersWei: bigint;
  /** DIP that lies staked for alice, bob and carol, as the contract says. */
  readonly stakedAsSigned: boolean;
};

type Stage = {
  readonly world: StakingWorld;
  readonly client: Client;
  readonly worker: SupervisedWorker;
  readonly say: (line: string) => void;
};

const patienceMs = 90_000;

/** A stake, a restake, a theft, a fee spike and a killed worker. @throws {Error} As soon as something does not come. */
export async function tellStakingStory(stage: Stage): Promise<StakingResult> {
  const { world, say, worker } = stage;
  const { alice, bob, carol, mallory } = world.people;
  const [first, second] = world.bundles;
  const killsBefore = worker.deaths;
  const booksBefore = await readSignerBooks(world);

  say("alice holds 5,000 DIP and not a wei of ether; she signs a stake of 1,000 DIP");
  const wish = await alice.signStake({ target: first, dipAmount: 1_000n * oneDip });
  const stake = await settle(stage, wish);
  say(`it landed in block ${stake.blockNumber}: stake ${stake.stakeId}; the service paid the gas`);
  const again = (await submit(stage, wish)).kind;

  await world.contracts.closeBundle(first);
  say("her bundle has closed; she signs a restake to another one");
  const stakeId = stake.stakeId ?? "";
  const restake = await settle(stage, await alice.signRestake({ stakeId, target: second }));
  say(`it landed in block ${restake.blockNumber}: the stake is ${restake.stakeId} now`);

  await world.contracts.closeBundle(second);
  const third = await world.contracts.addBundle();
  const stolenId = restake.stakeId ?? "";
  say(
    `mallory signs a restake of alice's stake ${stolenId} with her own key, which the contract would take`,
  );
  const theft = await settle(
    stage,
    await mallory.signRestake({ stakeId: stolenId, target: third }),
  );
  say(`refused before any gas: ${theft.reason?.code ?? "no reason"}`);

  const spiked = await landInSpike(
    stage,
    await bob.signStake({ target: third, dipAmount: oneDip }),
  );
  const killed = await landAfterKill(
    stage,
    await carol.signStake({ target: third, dipAmount: oneDip }),
  );
  const signer = await readSigner(stage);
  return {
    stake,
    restake,
    theft,
    spiked,
    killed,
    again,
    bumps: signer.counts.bumps,
    workerKills: worker.deaths - killsBefore,
    books: await readSignerBooks(world, booksBefore),
    usersWei: await readUsersWei(world),
    stakedAsSigned: await isStakedAsSigned(world, { restake, spiked, killed }),
  };
}

/** The base fee jumps above all that the transaction offers, while it waits in the pool. */
async function landInSpike(stage: Stage, call: StakeCall): Promise<StakeRequestStatus> {
  const { world, say } = stage;
  await mineEverySecond(world.url, false);
  const { requestId } = await submit(stage, call);
  await waitUntil(async () => (await readStatus(stage, requestId)).state === "broadcast", {
    what: "bob's transaction to be sent",
    timeoutMs: patienceMs,
  });
  const offered = (await readSigner(stage)).slots.at(-1)?.nonce;
  const baseFee = 8_000_000_000n;
  await callNode(world.url, "anvil_setNextBlockBaseFeePerGas", [`0x${baseFee.toString(16)}`]);
  await callNode(world.url, "evm_mine");
  say(
    `bob's stake waits at nonce ${offered} and the base fee jumps to 8 gwei: what it offers is too little`,
  );
  await mineEverySecond(world.url, true);
  const status = await untilFinal(stage, requestId);
  say(`its fees were raised at the same nonce; it landed in block ${status.blockNumber}`);
  return status;
}

/** SIGKILL when the transaction is signed and recorded, and the node has not heard of it. */
async function landAfterKill(stage: Stage, call: StakeCall): Promise<StakeRequestStatus> {
  const { world, say, worker } = stage;
  const held = world.gate.hold("eth_sendRawTransaction", "before");
  const { requestId } = await submit(stage, call);
  await held.reached;
  say("carol's stake is signed and on its way: SIGKILL to the worker before the node hears of it");
  const restarted = worker.kill();
  held.drop();
  await restarted;
  const status = await untilFinal(stage, requestId);
  say(`another worker sent the same bytes; it landed in block ${status.blockNumber}`);
  return status;
}

async function settle(stage: Stage, call: StakeCall): Promise<StakeRequestStatus> {
  const { requestId } = await submit(stage, call);
  return untilFinal(stage, requestId);
}

function submit({ client, world }: Stage, call: StakeCall): Promise<StartedRequest> {
  return startRequest(client, {
    chainId,
    call,
    signer: world.signer,
    source: "client",
    actor: "demo",
    lifetimeMs: 3_600_000,
  });
}

function untilFinal(stage: Stage, requestId: string): Promise<StakeRequestStatus> {
  return waitUntil(
    async () => {
      const status = await readStatus(stage, requestId);
      return status.isFinal ? status : undefined;
    },
    { what: "a request to be final", timeoutMs: patienceMs, everyMs: 200 },
  );
}

function readStatus({ client }: Stage, requestId: string): Promise<StakeRequestStatus> {
  return client.workflow.getHandle(requestId).query(stakeMessageNames.status);
}

function readSigner({ client, world }: Stage): Promise<SignerStatus> {
  const workflowId = stakeWorkflowIds.signer(chainId, world.signer);
  return client.workflow.getHandle(workflowId).query(stakeMessageNames.status);
}

async function readUsersWei({ url, people }: StakingWorld): Promise<bigint> {
  const balances = await Promise.all(
    Object.values(people).map(({ address }) =>
      callNode(url, "eth_getBalance", [address, "latest"]),
    ),
  );
  return balances.reduce((sum: bigint, balance) => sum + BigInt(String(balance)), 0n);
}

type Landed = Readonly<Record<"restake" | "spiked" | "killed", StakeRequestStatus>>;

/** The contract's own word: each stake holds what was signed, and nobody's DIP went anywhere else. */
async function isStakedAsSigned({ contracts, people }: StakingWorld, landed: Landed) {
  const held = async ({ stakeId }: StakeRequestStatus) =>
    (await contracts.stakeInfo(stakeId ?? "0")).stakeBalance;
  const { alice, bob, carol, mallory } = people;
  const checks = [
    (await held(landed.restake)) >= 1_000n * oneDip,
    (await held(landed.spiked)) === oneDip,
    (await held(landed.killed)) === oneDip,
    (await contracts.dipBalance(alice.address)) === dipOfPerson - 1_000n * oneDip,
    (await contracts.dipBalance(bob.address)) === dipOfPerson - oneDip,
    (await contracts.dipBalance(carol.address)) === dipOfPerson - oneDip,
    (await contracts.dipBalance(mallory.address)) === dipOfPerson,
  ];
  return checks.every(Boolean);
}
