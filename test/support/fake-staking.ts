import { Context, sleep } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import type { StakeRequestStatus } from "../../src/workflows/staking/request-shapes.ts";
import type {
  AccountView,
  StakeActivities,
  StakeTransactionRecord,
} from "../../src/workflows/staking/stake-activities.ts";
import { ModelChain } from "./model-chain.ts";

export type StakeFakeActivities = Omit<StakeActivities, "pumpStream">;

/** The staking activities over a model chain, with faults on demand. One a test. */
export class FakeStaking {
  readonly chain = new ModelChain();
  /** Names of the activities that ran, in order. */
  readonly calls: string[] = [];
  readonly records: StakeTransactionRecord[] = [];
  readonly requests: StakeRequestStatus[] = [];
  readonly announced: StakeRequestStatus[] = [];
  readonly entities: { entityId: string; transactionHash: string | null; isFinal: boolean }[] = [];
  /** Activities that fail while they are named here. */
  readonly broken = new Set<keyof StakeFakeActivities>();
  /** Owners whose requests make every batch fail that holds one. */
  readonly poisonous = new Set<string>();
  /** Whether the key's worker signs nothing at all, for good. */
  signsNothing = false;
  /** Answers of the next broadcasts are lost so many times, after they reached the pool. */
  lostBroadcasts = 0;
  /** Whether a signer that is started ends at once. */
  deafSigner = false;
  mostInBatch = 0;
  private miner: NodeJS.Timeout | undefined;
  private readonly startSigner: () => Promise<void>;

  constructor(startSigner: () => Promise<void>) {
    this.startSigner = startSigner;
  }

  /** A block every so often. */
  startMining(everyMs = 200): void {
    this.miner = setInterval(() => this.chain.mine(), everyMs);
  }

  stopMining(): void {
    clearInterval(this.miner);
  }

  countOf(activity: keyof StakeFakeActivities): number {
    return this.calls.filter((name) => name === activity).length;
  }

  readonly activities: StakeFakeActivities = {
    checkRequest: async ({ call }) => {
      this.enter("checkRequest");
      return this.chain.check(call);
    },
    ensureSigner: async () => {
      this.enter("ensureSigner");
      if (!this.deafSigner) await this.startSigner();
    },
    prepareCalls: async ({ items }) => {
      this.enter("prepareCalls");
      if (items.some(({ call }) => this.poisonous.has(call.owner))) throw new Error("poison");
      this.mostInBatch = Math.max(this.mostInBatch, items.length);
      return {
        account: this.chain.view(),
        items: items.map(({ requestId, call }) => ({ requestId, verdict: this.chain.check(call) })),
      };
    },
    readAccount: async () => {
      this.enter("readAccount");
      return this.chain.view();
    },
    signTransactions: async ({ items }) => {
      this.enter("signTransactions");
      if (
        this.signsNothing ||
        items.some(({ call }) => call !== null && this.chain.unsignable.has(call.signature))
      ) {
        throw ApplicationFailure.create({
          type: "SigningRefusedError",
          message: "The transaction was not signed.",
          nonRetryable: true,
        });
      }
      return { items: items.map((item) => this.chain.sign(item)) };
    },
    broadcastTransactions: async ({ items }) => {
      this.enter("broadcastTransactions");
      const results = items.map((item) => {
        const wasGone = item.wasKnown && !this.chain.has(item.hash);
        const { nonce, hash } = item;
        return { nonce, hash, result: this.chain.send(item), ...(wasGone && { wasGone }) };
      });
      if (this.lostBroadcasts > 0) {
        this.lostBroadcasts -= 1;
        throw new Error("the answer was lost");
      }
      return { items: results };
    },
    watchAccount: (input) => this.watch(input),
    readReceipts: async ({ items }) => {
      this.enter("readReceipts");
      return {
        items: items.map(({ nonce, hashes }) => ({ nonce, receipt: this.chain.receipt(hashes) })),
      };
    },
    recordRequest: async ({ status }) => {
      this.enter("recordRequest");
      this.requests.push(status);
    },
    recordTransactions: async ({ items }) => {
      this.enter("recordTransactions");
      this.records.push(...items);
    },
    noteEntity: async ({ entity, ...note }) => {
      this.enter("noteEntity");
      this.entities.push({ entityId: entity.entityId, ...note });
    },
    announceStake: async ({ status }) => {
      this.enter("announceStake");
      this.announced.push(status);
    },
  };

  private enter(name: keyof StakeFakeActivities): void {
    this.calls.push(name);
    if (this.broken.has(name)) {
      throw ApplicationFailure.create({
        type: "NodeUnavailableError",
        message: "The node is away.",
      });
    }
  }

  private async watch(
    input: Parameters<StakeActivities["watchAccount"]>[0],
  ): Promise<{ account: AccountView; reorgedBlocks: readonly number[] }> {
    const endsAtMs = Date.now() + input.maximumSeconds * 1000;
    for (;;) {
      this.enter("watchAccount");
      const account = this.chain.view();
      const reorgedBlocks = this.chain.leftTheChain(input.minedBlocks);
      const isNews =
        account.latestNonce !== input.latestNonce || account.finalNonce !== input.finalNonce;
      if (isNews || reorgedBlocks.length > 0 || Date.now() > endsAtMs) {
        return { account, reorgedBlocks };
      }
      Context.current().heartbeat();
      await sleep(20);
    }
  }
}
