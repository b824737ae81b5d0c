import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
} from "@temporalio/workflow";
import type { Hex } from "../../domain/chain.ts";
import {
  broadcasted,
  nextBumpMs,
  nextRebroadcastMs,
  signed,
  toSend,
  toSign,
} from "../../domain/staking/attempts.ts";
import { assign, chooseAll, chooseBatch } from "../../domain/staking/dispatch.ts";
import { nextSweepMs, sweep } from "../../domain/staking/intake.ts";
import { delivered, recorded } from "../../domain/staking/records.ts";
import { instead, refusedToSign } from "../../domain/staking/refusals.ts";
import { receiptsRead, seeAccount, toRead } from "../../domain/staking/settlement.ts";
import {
  type Notice,
  type QueuedRequest,
  type SignerState,
  type Slot,
  unminedSlots,
} from "../../domain/staking/signer-state.ts";
import { foreignNonces, standingOf } from "../../domain/staking/standing.ts";
import { describeFault } from "../fault.ts";
import { Dispatching } from "./dispatching.ts";
import {
  broadcastTransactions,
  prepareCalls,
  readReceipts,
  recordTransactions,
  watchAccount,
} from "./effects.ts";
import { type Lane, runLane } from "./lane.ts";
import { sentProgressed, sentSettled } from "./message-definitions.ts";
import { OneByOne } from "./one-by-one.ts";
import { signBatch, signInstead } from "./signing.ts";
import type {
  AccountView,
  ReceiptView,
  SignedTransaction,
  UnsignedTransaction,
} from "./stake-activities.ts";

/** Signals to requests under way at once. */
const noticesAtOnce = 50;
const recordsAtOnce = 100;

type LaneName = "prepare" | "sign" | "broadcast" | "watch" | "deliver" | "record";

const holdingLanes: readonly LaneName[] = ["prepare", "sign", "broadcast", "watch"];

type Signer = {
  readonly chainId: number;
  readonly address: Hex;
  readonly read: () => SignerState;
  readonly write: (state: SignerState) => void;
  readonly isStopped: () => boolean;
};

/** The strands of a signer's work. They meet only in the state, so none of them waits for another. */
export class SignerLanes {
  private readonly signer: Signer;
  private readonly faulty = new Map<LaneName, string>();
  private watching: CancellationScope | undefined;
  private readonly preparing = new OneByOne<QueuedRequest>();
  private readonly signing = new OneByOne<UnsignedTransaction>();
  private readonly dispatching = new Dispatching();

  constructor(signer: Signer) {
    this.signer = signer;
  }

  /** Starts all of them; each ends when the signer is stopped. */
  start(): Promise<void>[] {
    return [
      this.run("prepare", {
        work: () => this.workToPrepare(),
        wakeAtMs: () => nextSweepMs(this.state),
        run: (work) => this.dispatching.run(() => this.prepare(work)),
      }),
      this.run("sign", {
        work: () => this.workToSign(),
        wakeAtMs: () => nextBumpMs(this.state, Date.now()),
        run: (work) => this.dispatching.run(() => this.sign(work)),
      }),
      this.run("broadcast", {
        work: () => someOf(toSend(this.state, Date.now())),
        wakeAtMs: () => nextRebroadcastMs(this.state, Date.now()),
        run: (work) => this.dispatching.run(() => this.broadcast(work)),
      }),
      this.run("watch", {
        work: () => this.accountToWatch(),
        wakeAtMs: () => null,
        run: (account) => this.watch(account),
      }),
      this.run("deliver", {
        work: () => (this.isDispatching ? null : this.noticesToDeliver()),
        wakeAtMs: () => this.noticesToDeliver() && this.dispatching.endsAtMs,
        run: (work) => this.deliver(work),
      }),
      this.run("record", {
        work: () => someOf(this.state.records.slice(0, recordsAtOnce)),
        wakeAtMs: () => null,
        run: (work) => this.record(work),
      }),
    ];
  }

  /** Ends the wait for the chain, which alone would outlast a run. */
  stopWatching(): void {
    this.watching?.cancel();
  }

  /** What does not answer now, and whether nonces wait for it: rows and words to requests do not hold them up. */
  get faults(): { readonly holding: string | null; readonly other: string | null } {
    const words = (isHolding: boolean) => {
      const faults = [...this.faulty].filter(([name]) => holdingLanes.includes(name) === isHolding);
      return faults.length > 0
        ? faults.map(([name, fault]) => `${name}: ${fault}`).join("; ")
        : null;
    };
    return { holding: words(true), other: words(false) };
  }

  /**
   * Words to requests wait for the next transactions: each wakes a workflow, and all of those at once would make what is
   * to be sent too late for the next block.
   */
  private get isDispatching(): boolean {
    return this.dispatching.isUnderWay(() => {
      if (this.faulty.size > 0 || this.signer.isStopped()) return false;
      const nowMs = Date.now();
      const works = [chooseBatch(this.state, nowMs), toSign(this.state, nowMs)];
      return [...works, toSend(this.state, nowMs)].some(({ length }) => length > 0);
    });
  }

  private noticesToDeliver(): readonly Notice[] | null {
    return someOf(this.state.notices.slice(0, noticesAtOnce));
  }

  private get state(): SignerState {
    return this.signer.read();
  }

  private run<Work>(
    name: LaneName,
    lane: Pick<Lane<Work>, "work" | "wakeAtMs" | "run">,
  ): Promise<void> {
    return runLane({
      ...lane,
      isStopped: this.signer.isStopped,
      onFault: (fault) => this.setFault(name, fault),
    });
  }

  private setFault(name: LaneName, fault: string | null): void {
    if (fault === null && !this.faulty.delete(name)) return;
    if (fault !== null) this.faulty.set(name, fault);
    this.signer.write({ ...this.state, lastError: fault ?? this.state.lastError });
  }

  private workToPrepare(): { readonly batch: readonly QueuedRequest[] } | null {
    const nowMs = Date.now();
    if (sweep(this.state, nowMs) !== this.state) return { batch: [] };
    const batch = this.preparing.pick(chooseBatch(this.state, nowMs), () =>
      chooseAll(this.state, nowMs),
    );
    return batch.length > 0 ? { batch } : null;
  }

  private async prepare({ batch }: { readonly batch: readonly QueuedRequest[] }): Promise<void> {
    this.signer.write(sweep(this.state, Date.now()));
    if (batch.length === 0) return;
    const items = batch.map(({ requestId, call }) => ({ requestId, call }));
    const prepared = await this.preparing.run(() => prepareCalls({ ...this.account, items }));
    this.signer.write(assign(this.state, prepared, Date.now()));
  }

  private workToSign(): readonly UnsignedTransaction[] | null {
    return someOf(this.signing.pick(toSign(this.state, Date.now())));
  }

  private async sign(items: readonly UnsignedTransaction[]): Promise<void> {
    try {
      const signatures = await this.signing.run(() => signBatch(this.account, items));
      this.signer.write(signed(this.state, signatures, Date.now()));
    } catch (error) {
      const [alone, ...others] = items;
      if (alone === undefined || others.length > 0) throw error;
      await this.freeNonce(alone, error);
    }
  }

  /** A call that is refused for good while other transactions are signed gives its nonce up. */
  private async freeNonce(refused: UnsignedTransaction, refusal: unknown): Promise<void> {
    const noop = await signInstead(this.account, instead(this.state, refused), refusal);
    const freed = refusedToSign(this.state, refused, noop, Date.now());
    log.warn("A call is not signed and its nonce was freed", { nonce: refused.nonce });
    this.signer.write({ ...freed, lastError: describeFault(refusal) });
  }

  private async broadcast(items: readonly SignedTransaction[]): Promise<void> {
    const answer = await broadcastTransactions({ ...this.account, items });
    this.signer.write(broadcasted(this.state, answer.items, Date.now()));
  }

  /** The chain is watched while slots are open, and while only it can end what holds the queue up. */
  private accountToWatch(): AccountView | null {
    const { account, slots, queue } = this.state;
    const standing = standingOf(this.state);
    const isHeldUp = queue.length > 0 && standing !== null && standing !== "paused";
    return slots.length > 0 || isHeldUp ? account : null;
  }

  private async watch(known: AccountView): Promise<void> {
    if (!toRead(this.state).some((slot) => slot.missingSinceMs === null)) {
      if (!(await this.watchOnce(known))) return;
    }
    const { account } = this.state;
    const slots = toRead(this.state);
    if (!account || slots.length === 0) return;
    const signedSlots = slots.filter(({ attempts }) => attempts.length > 0);
    const read = signedSlots.length > 0 ? await this.readReceipts(signedSlots) : [];
    const unsignedOnes = slots
      .filter(({ attempts }) => attempts.length === 0)
      .map(({ nonce }) => ({ nonce, receipt: null }));
    const items = [...read, ...unsignedOnes];
    this.signer.write(receiptsRead(this.state, { asOf: account, items }, Date.now()));
  }

  /** Waits until the account moves. False: the signer was stopped meanwhile. */
  private async watchOnce(known: AccountView): Promise<boolean> {
    this.watching = new CancellationScope();
    try {
      const { account, reorgedBlocks } = await this.watching.run(() =>
        watchAccount({
          ...this.account,
          latestNonce: known.latestNonce,
          finalNonce: known.finalNonce,
          minedBlocks: minedBlocks(this.state.slots),
          maximumSeconds: patienceSeconds(this.state),
        }),
      );
      this.signer.write(seeAccount(this.state, account, reorgedBlocks, Date.now()));
      return true;
    } catch (error) {
      if (!isCancellation(error)) throw error;
      return false;
    }
  }

  private async readReceipts(
    slots: readonly Slot[],
  ): Promise<readonly { readonly nonce: number; readonly receipt: ReceiptView | null }[]> {
    const answer = await readReceipts({
      chainId: this.signer.chainId,
      items: slots.map(({ nonce, attempts, request }) => ({
        nonce,
        hashes: attempts.map(({ hash }) => hash),
        call: request?.call ?? null,
      })),
    });
    return answer.items;
  }

  /** A request that is there no more needs no answer; the delivery of `settled` is its acknowledgement. */
  private async deliver(notices: readonly Notice[]): Promise<void> {
    await Promise.all(
      notices.map(async ({ requestId, ...notice }) => {
        const request = getExternalWorkflowHandle(requestId);
        try {
          if (notice.kind === "settled") await request.signal(sentSettled, notice.body);
          else await request.signal(sentProgressed, notice.body);
        } catch (error) {
          log.info("A request is there no more", { requestId, reason: String(error) });
        }
      }),
    );
    this.signer.write(
      delivered(
        this.state,
        notices.map(({ seq }) => seq),
      ),
    );
  }

  private async record(rows: SignerState["records"]): Promise<void> {
    const items = rows.map(({ seq: _seq, ...row }) => row);
    await recordTransactions({ ...this.account, items });
    this.signer.write(
      recorded(
        this.state,
        rows.map(({ seq }) => seq),
      ),
    );
  }

  private get account(): { readonly chainId: number; readonly address: Hex } {
    return { chainId: this.signer.chainId, address: this.signer.address };
  }
}

function someOf<Item>(items: readonly Item[]): readonly Item[] | null {
  return items.length > 0 ? items : null;
}

function minedBlocks(slots: readonly Slot[]): { number: number; hash: Hex }[] {
  const blocks = new Map<Hex, number>();
  for (const { receipt } of slots) if (receipt) blocks.set(receipt.blockHash, receipt.blockNumber);
  return [...blocks].map(([hash, number]) => ({ number, hash }));
}

/** How long one look may take that sees no change: base fee and balance are as old as that. */
function patienceSeconds(state: SignerState): number {
  if (foreignNonces(state).length > 0) return 2;
  return unminedSlots(state).length > 0 ? 5 : 15;
}
