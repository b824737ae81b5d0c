import { expect } from "vitest";
import {
  askBump,
  broadcasted,
  signed,
  toSend,
  toSign,
} from "../../../../src/domain/staking/attempts.ts";
import { assign, chooseBatch } from "../../../../src/domain/staking/dispatch.ts";
import { isReplacement } from "../../../../src/domain/staking/fees.ts";
import { submit, sweep, withdraw } from "../../../../src/domain/staking/intake.ts";
import { delivered, recorded } from "../../../../src/domain/staking/records.ts";
import { instead, refusedToSign } from "../../../../src/domain/staking/refusals.ts";
import { receiptsRead, seeAccount, toRead } from "../../../../src/domain/staking/settlement.ts";
import { newSignerState, type SignerState } from "../../../../src/domain/staking/signer-state.ts";
import type { SignerPolicy, StakeOutcome } from "../../../../src/workflows/staking/messages.ts";
import type {
  AccountView,
  UnsignedTransaction,
} from "../../../../src/workflows/staking/stake-activities.ts";
import { ModelChain, modelCall } from "../../../support/model-chain.ts";

// The signer's state machine against a model chain, driven by any order of events. An effect is started with what the
// state wanted then; it happens later, perhaps twice, perhaps after the state forgot it; its answer comes or does not.

type Change = (state: SignerState, nowMs: number) => SignerState;

/** An effect under way: what it does outside, and what is booked of its answer. */
type Effect = { readonly happen: () => () => void };

const chainPolicy: SignerPolicy = {
  maxFeePerGasWei: "30000000000",
  maxPriorityFeePerGasWei: null,
  maxInFlight: 4,
  queueLimit: 50,
  bumpAfterMs: 30_000,
  rebroadcastAfterMs: 15_000,
  reserveWei: "1000000000000000000",
  perOwnerPerDay: null,
};

export class SignerModel {
  readonly chain = new ModelChain();
  state: SignerState;
  nowMs: number;
  private readonly policy: SignerPolicy;

  constructor({
    policy = {},
    startsAt = "2026-11-24T12:00:00.000Z",
  }: { readonly policy?: Partial<SignerPolicy>; readonly startsAt?: string } = {}) {
    this.chain.finalityDepth = 4;
    this.policy = { ...chainPolicy, ...policy };
    this.state = newSignerState(this.policy);
    this.nowMs = Date.parse(startsAt);
  }

  readonly submitted = new Set<string>();
  readonly outcomes = new Map<string, StakeOutcome[]>();
  private readonly effects: Effect[] = [];
  private readonly changes: Change[] = [];
  /** Every nonce that a request was ever given. */
  private readonly noncesOf = new Map<string, number[]>();
  private attemptsSeen = new Set<string>();
  /** Requests that got a nonce, by UTC day and owner. */
  private readonly served = new Map<string, Set<string>>();

  // What the world does -------------------------------------------------------------------------------------------

  submitNew(number: number, owner: number, lifetimeMs: number): void {
    this.submitted.add(requestId(number));
    const expiresAt = new Date(this.nowMs + lifetimeMs).toISOString();
    this.book((state, nowMs) =>
      submit(
        state,
        { requestId: requestId(number), call: modelCall(number, owner), expiresAt },
        nowMs,
      ),
    );
  }

  submitAgain(pick: number, lifetimeMs: number): void {
    const id = [...this.submitted][pick % Math.max(1, this.submitted.size)];
    if (id === undefined || this.outcomes.has(id)) return;
    const call = this.callOf(id);
    if (!call) return;
    const expiresAt = new Date(this.nowMs + lifetimeMs).toISOString();
    this.book((state, nowMs) => submit(state, { requestId: id, call, expiresAt }, nowMs));
  }

  /** The holder of the key does not sign the call of this request. */
  refuseToSign(number: number): void {
    this.chain.unsignable.add(modelCall(number).signature);
  }

  withdraw(pick: number): void {
    const id = [...this.submitted][pick % Math.max(1, this.submitted.size)];
    // A request that has heard its outcome has ended and says nothing more.
    if (id === undefined || this.outcomes.has(id)) return;
    this.book((state) => withdraw(state, { requestId: id, why: "cancelled" }));
  }

  /** A worker dies with all it had in hand: the state comes back from its JSON; effects may still happen, unheard. */
  crash(): void {
    this.state = throughJson(this.state);
  }

  /** Each lane does what it wants, and is heard, whatever else is under way. */
  round(isMined: boolean): void {
    for (const lane of ["prepare", "sign", "send", "watch", "read"] as const) {
      const before = this.effects.length;
      this.start(lane);
      if (this.effects.length > before) this.happen(before, "heard");
      if (lane === "send" && isMined) this.chain.mine();
    }
  }

  pause(paused: boolean): void {
    this.book((state) => ({ ...state, paused }));
  }

  setCap(maxFeePerGasWei: string): void {
    this.book((state) => ({
      ...state,
      policy: { ...state.policy, maxFeePerGasWei },
      wantedWei: null,
    }));
  }

  bump(): void {
    this.book((state) => askBump(state, null).state);
  }

  // What the signer does ------------------------------------------------------------------------------------------

  /** Starts what the state wants of one lane now. */
  start(lane: "prepare" | "sign" | "send" | "watch" | "read", lag = 0): void {
    if (lane === "prepare") this.startPrepare(lag);
    if (lane === "sign") this.startSign();
    if (lane === "send") this.startSend();
    if (lane === "watch") this.startWatch(lag);
    if (lane === "read") this.startRead();
  }

  /** An effect happens; its answer is heard, or lost (the effect may then happen again). */
  happen(pick: number, answer: "heard" | "lost" | "twice"): void {
    const effect = this.effects[pick % Math.max(1, this.effects.length)];
    if (!effect) return;
    const book = effect.happen();
    if (answer === "lost") return;
    this.effects.splice(this.effects.indexOf(effect), 1);
    book();
    if (answer === "twice") book();
  }

  deliver(isAcknowledged: boolean): void {
    const { notices } = this.state;
    for (const notice of notices) {
      if (notice.kind !== "settled" || !isAcknowledged) continue;
      const heard = this.outcomes.get(notice.requestId) ?? [];
      this.outcomes.set(notice.requestId, [...heard, notice.body]);
    }
    if (isAcknowledged)
      this.book((state) =>
        delivered(
          state,
          notices.map(({ seq }) => seq),
        ),
      );
    const rows = this.state.records.map(({ seq }) => seq);
    this.book((state) => recorded(state, rows));
  }

  /** Everything goes well from now on, until nothing is left to do. */
  calmDown(): void {
    this.effects.length = 0;
    this.chain.takesNothing = false;
    this.chain.unready.clear();
    this.chain.baseFee = 1_000_000_000n;
    this.chain.fund(10n ** 21n);
    this.pause(false);
    this.setCap("1000000000000");
    for (let round = 0; round < 300 && this.hasWork; round += 1) {
      this.round(true);
      this.deliver(true);
      this.nowMs += 5000;
    }
  }

  private get hasWork(): boolean {
    const { queue, slots, notices } = this.state;
    return queue.length + slots.length + notices.length > 0;
  }

  private startPrepare(lag: number): void {
    this.book(sweep);
    const batch = chooseBatch(this.state, this.nowMs);
    if (batch.length === 0) return;
    this.effects.push({
      happen: () => {
        const prepared = {
          account: this.chain.view(lag),
          items: batch.map(({ requestId: id, call }) => ({
            requestId: id,
            verdict: this.chain.check(call),
          })),
        };
        return () => this.book((state, nowMs) => assign(state, prepared, nowMs));
      },
    });
  }

  private startSign(): void {
    const items = toSign(this.state, this.nowMs);
    if (items.length === 0) return;
    const refused = items.find(({ call }) => call && this.chain.unsignable.has(call.signature));
    if (refused) return this.startInstead(refused);
    this.effects.push({
      happen: () => {
        const pairs = items.map((unsigned: UnsignedTransaction) => ({
          unsigned,
          signed: this.chain.sign(unsigned),
        }));
        return () => this.book((state, nowMs) => signed(state, pairs, nowMs));
      },
    });
  }

  /** Nothing of its batch is signed; alone it is refused again, and an empty transfer is signed in its place. */
  private startInstead(refused: UnsignedTransaction): void {
    const noop = instead(this.state, refused);
    if (noop === null) return;
    this.effects.push({
      happen: () => {
        const signature = { unsigned: noop, signed: this.chain.sign(noop) };
        return () => this.book((state, nowMs) => refusedToSign(state, refused, signature, nowMs));
      },
    });
  }

  private startSend(): void {
    const items = toSend(this.state, this.nowMs);
    if (items.length === 0) return;
    this.effects.push({
      happen: () => {
        const results = items.map((item) => {
          const wasGone = item.wasKnown && !this.chain.has(item.hash);
          const { nonce, hash } = item;
          return { nonce, hash, result: this.chain.send(item), ...(wasGone && { wasGone }) };
        });
        return () => this.book((state, nowMs) => broadcasted(state, results, nowMs));
      },
    });
  }

  private startWatch(lag: number): void {
    this.effects.push({
      happen: () => {
        const account = this.chain.view(lag);
        const blocks = this.state.slots.flatMap(({ receipt }) =>
          receipt ? [{ number: receipt.blockNumber, hash: receipt.blockHash }] : [],
        );
        const reorged = lag === 0 ? this.chain.leftTheChain(blocks) : [];
        return () => this.book((state, nowMs) => seeAccount(state, account, reorged, nowMs));
      },
    });
  }

  private startRead(): void {
    const asOf: AccountView | null = this.state.account;
    const slots = toRead(this.state);
    if (!asOf || slots.length === 0) return;
    this.effects.push({
      happen: () => {
        const items = slots.map(({ nonce, attempts }) => ({
          nonce,
          receipt: this.chain.receipt(attempts.map(({ hash }) => hash)),
        }));
        return () => this.book((state, nowMs) => receiptsRead(state, { asOf, items }, nowMs));
      },
    });
  }

  // What must hold ------------------------------------------------------------------------------------------------

  private book(change: Change): void {
    const { state: before, nowMs } = this;
    this.state = change(before, nowMs);
    this.changes.push((state) => change(state, nowMs));
    this.checkRequests();
    this.checkNonces(before);
    this.checkShares();
    this.checkAttempts(before);
  }

  /** A request stands in one place only, and was submitted. */
  private checkRequests(): void {
    const { queue, slots } = this.state;
    const ids = [
      ...queue.map((request) => request.requestId),
      ...slots.flatMap(({ request }) => request?.requestId ?? []),
    ];
    expect(new Set(ids).size, "a request stands in two places").toBe(ids.length);
  }

  private checkNonces(before: SignerState): void {
    const { slots, nextNonce, account } = this.state;
    if (nextNonce === null || !account) return;
    const finalNonce = this.chain.view().finalNonce;
    const open = new Set(slots.map(({ nonce }) => nonce));
    for (let nonce = finalNonce; nonce < nextNonce; nonce += 1) {
      const isForeign = this.chain.mined[nonce]?.content.isForeign;
      // Beneath all of ours: a transaction of somebody else left the chain. That is healed after a minute.
      const isHealed = this.chain.hasLostForeign && nonce < Math.min(nextNonce, ...open);
      expect(open.has(nonce) || isForeign || isHealed, `nonce ${nonce} has no slot`).toBe(true);
    }
    for (const slot of slots) {
      if (before.slots.some(({ nonce }) => nonce === slot.nonce)) continue;
      if (!slot.request) continue;
      this.serve(slot.request.call.owner, slot.request.requestId);
      this.checkNewNonce(slot.nonce, slot.request.requestId);
    }
  }

  private serve(owner: string, id: string): void {
    const key = `${this.today} ${owner}`;
    this.served.set(key, (this.served.get(key) ?? new Set()).add(id));
  }

  private get today(): string {
    return new Date(this.nowMs).toISOString().slice(0, 10);
  }

  /** An owner's count of a day is that of the requests which got a nonce on it, and within what the policy allows. */
  private checkShares(): void {
    const { day, policy } = this.state;
    if (policy.perOwnerPerDay === null || day.date !== this.today) return;
    for (const { owner, count } of day.owners) {
      expect(count, `${owner} on ${day.date}`).toBe(this.served.get(`${day.date} ${owner}`)?.size);
      expect(count).toBeLessThanOrEqual(policy.perOwnerPerDay);
    }
  }

  private checkNewNonce(nonce: number, id: string): void {
    const { account, policy, slots } = this.state;
    expect(this.state.paused, "a nonce while paused").toBe(false);
    for (const old of this.noncesOf.get(id) ?? []) {
      const winner = this.chain.final[old];
      expect(winner, `${id} has nonce ${nonce} while ${old} is not final`).toBeDefined();
      const winners = winner?.content.call?.signature;
      expect(winners, `${id} has nonce ${nonce}, and ${old} served it`).not.toBe(signatureOf(id));
    }
    this.noncesOf.set(id, [...(this.noncesOf.get(id) ?? []), nonce]);
    const latest = account?.latestNonce ?? 0;
    const worst = slots
      .filter((slot) => slot.nonce >= latest)
      .map((slot) => {
        const costs = slot.attempts.map((a) => BigInt(a.gasLimit) * BigInt(a.maxFeePerGasWei));
        const start = BigInt(slot.gasLimit) * BigInt(slot.startFees.maxFeePerGasWei);
        return [...costs, start].reduce((most, cost) => (cost > most ? cost : most));
      })
      .reduce((sum, cost) => sum + cost, 0n);
    const allowed = BigInt(account?.balanceWei ?? 0) - BigInt(policy.reserveWei);
    expect(worst <= allowed, "open slots may cost more than the balance allows").toBe(true);
    const unmined = slots.filter(({ receipt }) => !receipt);
    expect(unmined.length).toBeLessThanOrEqual(policy.maxInFlight + this.reorged());
    const owners = unmined.map(({ request }) => request?.call.owner);
    const own = slots.find((slot) => slot.nonce === nonce)?.request?.call.owner;
    expect(owners.filter((owner) => owner === own).length, "two of one owner").toBe(1);
  }

  /** Slots that a reorg brought back stand above the limit. */
  private reorged(): number {
    return this.state.counts.reorgs;
  }

  private checkAttempts(before: SignerState): void {
    for (const slot of this.state.slots) {
      for (const [index, attempt] of slot.attempts.entries()) {
        if (this.attemptsSeen.has(attempt.hash)) continue;
        this.attemptsSeen.add(attempt.hash);
        const old = slot.attempts[index - 1];
        if (old) expect(isAllowedReplacement(old, attempt), "fees do not replace").toBe(true);
        if (old) expect(isReplacement(old, attempt)).toBe(true);
      }
      const gone = before.slots.find(({ nonce }) => nonce === slot.nonce);
      expect(slot.attempts.length).toBeGreaterThanOrEqual(gone?.attempts.length ?? 0);
    }
  }

  /** One transaction of a request at most is in the chain, whatever became of it. */
  checkChain(): void {
    const signatures = this.chain.mined.flatMap(({ content }) =>
      content.call ? [content.call.signature] : [],
    );
    expect(new Set(signatures).size, "a request was mined twice").toBe(signatures.length);
  }

  /** Every request heard one outcome, and it is what the chain says. */
  checkOutcomes(): void {
    for (const id of this.submitted) {
      const [outcome, ...others] = this.outcomes.get(id) ?? [];
      expect(outcome, `${id} was lost`).toBeDefined();
      expect(others, `${id} has several outcomes`).toEqual([]);
      const signature = signatureOf(id);
      const mined = this.chain.mined.filter(({ content }) => content.call?.signature === signature);
      if (outcome?.kind === "succeeded" || outcome?.kind === "reverted") {
        const status = outcome.kind === "succeeded" ? "success" : "reverted";
        expect(mined).toMatchObject([{ status, hash: outcome.transactionHash }]);
      } else {
        expect(mined, `${id} is told to be ${outcome?.kind} and was mined`).toEqual([]);
      }
    }
  }

  /** The same events make the same state: what a replay does. */
  checkDeterminism(): void {
    let state = newSignerState(this.policy);
    for (const change of this.changes) state = change(throughJson(state), 0);
    expect(state).toEqual(throughJson(this.state));
  }

  private callOf(id: string): ReturnType<typeof modelCall> | undefined {
    const { queue, slots } = this.state;
    return [...queue, ...slots.flatMap(({ request }) => request ?? [])].find(
      (request) => request.requestId === id,
    )?.call;
  }
}

/** Reckoned on its own, apart from the code under test. */
function isAllowedReplacement(
  old: { maxFeePerGasWei: string; maxPriorityFeePerGasWei: string },
  next: { maxFeePerGasWei: string; maxPriorityFeePerGasWei: string },
): boolean {
  return (["maxFeePerGasWei", "maxPriorityFeePerGasWei"] as const).every(
    (name) => BigInt(next[name]) * 100n >= BigInt(old[name]) * 110n,
  );
}

/** What continue-as-new makes of a state. */
function throughJson<Value>(value: Value): Value {
  const copy: Value = JSON.parse(JSON.stringify(value));
  return copy;
}

function signatureOf(id: string): string {
  return modelCall(Number(id.split("/")[1])).signature;
}

export function requestId(number: number): string {
  return `stake/${number}`;
}
