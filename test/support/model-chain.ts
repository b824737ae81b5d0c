import { createHash } from "node:crypto";
import type { Hex } from "../../src/domain/chain.ts";
import { isMinable, isReplacement } from "../../src/domain/staking/fees.ts";
import type { CheckVerdict, StakeCall } from "../../src/domain/staking/stake-call.ts";
import type {
  AccountView,
  BroadcastResult,
  ReceiptView,
  SignedTransaction,
  UnsignedTransaction,
} from "../../src/workflows/staking/stake-activities.ts";

/** What a raw transaction of the model holds: JSON in hex, so that the same content is the same bytes. */
type Content = UnsignedTransaction & { readonly isForeign?: boolean };
type PooledTransaction = { readonly content: Content; readonly hash: Hex };
type MinedTransaction = PooledTransaction & {
  readonly status: "success" | "reverted";
  readonly gasUsed: bigint;
  readonly verdict: CheckVerdict | null;
};
type Block = {
  readonly number: number;
  readonly hash: Hex;
  readonly baseFee: bigint;
  readonly transactions: readonly MinedTransaction[];
};

const stakeGas = 700_000n;
const revertGas = 45_000n;
const noopGas = 21_000n;
const blockGasTransactions = 20;

/** A chain of one account in memory: pool, blocks, reorgs, finality, fees. Real rules of pools; only signatures are left out. */
export class ModelChain {
  baseFee = 1_000_000_000n;
  tip = 1_000_000_000n;
  /** Blocks behind the head that are final. */
  finalityDepth = 2;
  /** The pool takes nothing and says so, as a node that is being restarted. */
  takesNothing = false;
  /** Calls of these owners are told to wait by a look. */
  readonly unready = new Set<Hex>();
  /** Signatures whose transaction is mined and runs out of gas. */
  readonly outOfGas = new Set<Hex>();
  /** Signatures that a stranger has burned. */
  readonly burned = new Set<Hex>();
  /** Signatures whose call the holder of the key does not sign. */
  readonly unsignable = new Set<Hex>();
  /** Whether a reorg ever took a transaction of somebody else. */
  hasLostForeign = false;
  private blocks: Block[] = [{ number: 0, hash: hashOf("block 0"), baseFee: 0n, transactions: [] }];
  private readonly pool = new Map<number, PooledTransaction>();
  private granted = 10n ** 21n;
  private branch = 0;
  private foreign = 0;

  get head(): number {
    return this.blocks.length - 1;
  }

  /** Everything of ours and of others that is in the chain, by nonce. */
  get mined(): readonly (MinedTransaction & { readonly blockNumber: number })[] {
    return this.minedIn(this.blocks);
  }

  /** What is mined in blocks that are final. */
  get final(): readonly MinedTransaction[] {
    return this.minedIn(this.blocks.slice(0, this.finalNumber + 1));
  }

  get finalNumber(): number {
    return Math.max(0, this.head - this.finalityDepth);
  }

  get pooled(): readonly SignedTransaction[] {
    return [...this.pool].map(([nonce, { content, hash }]) => ({
      nonce,
      hash,
      raw: rawOf(content),
    }));
  }

  /** Whether the transaction is in the pool or in a block. */
  has(hash: Hex): boolean {
    return [...this.pool.values(), ...this.mined].some((known) => known.hash === hash);
  }

  get balance(): bigint {
    return this.balanceIn(this.blocks);
  }

  /** Gives the account ether, or takes some. */
  fund(wei: bigint): void {
    this.granted += wei;
  }

  sign(unsigned: UnsignedTransaction): SignedTransaction {
    return { nonce: unsigned.nonce, hash: hashOf(rawOf(unsigned)), raw: rawOf(unsigned) };
  }

  /** @param lag - blocks that the node is behind. */
  view(lag = 0): AccountView {
    const blocks = this.blocks.slice(0, Math.max(1, this.blocks.length - lag));
    const finalNumber = Math.max(0, blocks.length - 1 - this.finalityDepth);
    return {
      headNumber: blocks.length - 1,
      latestNonce: this.minedIn(blocks).length,
      finalNonce: this.minedIn(blocks.slice(0, finalNumber + 1)).length,
      finalNumber,
      baseFeePerGasWei: String(this.baseFee),
      priorityFeePerGasWei: String(this.tip),
      balanceWei: String(this.balanceIn(blocks)),
    };
  }

  check(call: StakeCall): CheckVerdict {
    if (this.burned.has(call.signature)) return { kind: "burned", transactionHash: null };
    const used = this.mined.find(
      ({ content, status }) => content.call?.signature === call.signature && status === "success",
    );
    if (used) return { kind: "fulfilled", transactionHash: used.hash, stakeId: null };
    return this.unready.has(call.owner)
      ? {
          kind: "wait",
          reason: { code: "allowance", message: "approve first" },
          for: "user",
          notBefore: null,
        }
      : { kind: "ready", gasLimit: "800000" };
  }

  send({ nonce, raw, hash }: SignedTransaction): BroadcastResult {
    const content = contentOf(raw);
    if (this.takesNothing) return "not_taken";
    if (this.mined.some((mined) => mined.hash === hash)) return "known";
    if (nonce < this.mined.length) return "nonce_used";
    if (this.pool.get(nonce)?.hash === hash) return "known";
    const cost = BigInt(content.gasLimit) * BigInt(content.maxFeePerGasWei);
    if (cost > this.balance) return "insufficient_funds";
    if (
      !isMinable(content, { baseFeePerGasWei: String(this.baseFee), priorityFeePerGasWei: "0" })
    ) {
      return "underpriced";
    }
    const old = this.pool.get(nonce);
    if (old && !isReplacement(old.content, content)) return "underpriced";
    this.pool.set(nonce, { content, hash });
    return "known";
  }

  /** A block of what the pool has: in the order of nonces, as far as fees and balance go. */
  mine(): void {
    const transactions: MinedTransaction[] = [];
    let nonce = this.mined.length;
    while (transactions.length < blockGasTransactions) {
      const pooled = this.pool.get(nonce);
      if (!pooled || !isMinable(pooled.content, this.market)) break;
      transactions.push(this.execute(pooled, transactions));
      this.pool.delete(nonce);
      nonce += 1;
    }
    this.addBlock(transactions);
  }

  /** Somebody else who has the key sends with the next nonce, and it is mined. */
  mineForeign(): void {
    const nonce = this.mined.length;
    this.foreign += 1;
    const content: Content = {
      nonce,
      gasLimit: `${21_000 + this.foreign}`,
      call: null,
      maxFeePerGasWei: String(this.baseFee),
      maxPriorityFeePerGasWei: "0",
      isForeign: true,
    };
    this.pool.delete(nonce);
    this.addBlock([this.execute({ content, hash: hashOf(rawOf(content)) }, [])]);
  }

  /** The pool forgets one transaction, or all. */
  drop(nonce?: number): void {
    if (nonce === undefined) this.pool.clear();
    else this.pool.delete(nonce);
  }

  /** The newest blocks are replaced by empty ones, and one more; what they held is in no pool (as anvil does it). */
  reorg(depth: number): void {
    const kept = Math.max(this.finalNumber + 1, this.blocks.length - depth);
    const lost = this.blocks.length - kept;
    const gone = this.minedIn(this.blocks.slice(kept));
    this.hasLostForeign ||= gone.some(({ content }) => content.isForeign);
    this.blocks = this.blocks.slice(0, kept);
    this.branch += 1;
    for (let index = 0; index <= lost; index += 1) this.addBlock([]);
    for (const nonce of this.pool.keys()) if (nonce < this.mined.length) this.pool.delete(nonce);
  }

  receipt(hashes: readonly Hex[]): ReceiptView | null {
    const found = this.mined.find(({ hash }) => hashes.includes(hash));
    if (!found) return null;
    const block = this.blocks[found.blockNumber];
    if (!block) return null;
    return {
      hash: found.hash,
      blockNumber: block.number,
      blockHash: block.hash,
      status: found.status,
      gasUsed: String(found.gasUsed),
      effectiveGasPriceWei: String(priceOf(found.content, block.baseFee)),
      stakeId: found.content.call && found.status === "success" ? "7000001" : null,
      verdict: found.verdict,
    };
  }

  /** Which of these blocks are in the chain no more. */
  leftTheChain(blocks: readonly { readonly number: number; readonly hash: Hex }[]): number[] {
    return blocks
      .filter(({ number, hash }) => {
        const block = this.blocks[number];
        return block !== undefined && block.hash !== hash;
      })
      .map(({ number }) => number);
  }

  private get market() {
    return { baseFeePerGasWei: String(this.baseFee), priorityFeePerGasWei: String(this.tip) };
  }

  private execute(
    { content, hash }: PooledTransaction,
    before: readonly MinedTransaction[],
  ): MinedTransaction {
    const { call } = content;
    const mined = (
      status: MinedTransaction["status"],
      gasUsed: bigint,
      verdict: CheckVerdict | null,
    ) => ({
      content,
      hash,
      status,
      gasUsed,
      verdict,
    });
    if (!call) return mined("success", noopGas, null);
    const isUsed = [...this.mined, ...before].some(
      (other) => other.content.call?.signature === call.signature && other.status === "success",
    );
    if (this.outOfGas.has(call.signature)) {
      return mined("reverted", BigInt(content.gasLimit), { kind: "ready", gasLimit: "800000" });
    }
    if (isUsed || this.burned.has(call.signature)) {
      return mined("reverted", revertGas, { kind: "burned", transactionHash: null });
    }
    return mined("success", stakeGas, null);
  }

  private addBlock(transactions: readonly MinedTransaction[]): void {
    const number = this.blocks.length;
    const hash = hashOf(`block ${number} of branch ${this.branch}`);
    this.blocks.push({ number, hash, baseFee: this.baseFee, transactions });
  }

  private minedIn(
    blocks: readonly Block[],
  ): (MinedTransaction & { readonly blockNumber: number })[] {
    return blocks.flatMap(({ number, transactions }) =>
      transactions.map((transaction) => ({ ...transaction, blockNumber: number })),
    );
  }

  private balanceIn(blocks: readonly Block[]): bigint {
    const spent = blocks.flatMap(({ baseFee, transactions }) =>
      transactions.map(({ content, gasUsed }) => gasUsed * priceOf(content, baseFee)),
    );
    return spent.reduce((rest, wei) => rest - wei, this.granted);
  }
}

function priceOf(content: Content, baseFee: bigint): bigint {
  const wanted = baseFee + BigInt(content.maxPriorityFeePerGasWei);
  const cap = BigInt(content.maxFeePerGasWei);
  return wanted < cap ? wanted : cap;
}

function rawOf(content: Content): Hex {
  const { nonce, gasLimit, call, maxFeePerGasWei, maxPriorityFeePerGasWei, isForeign } = content;
  const fields = [nonce, gasLimit, call, maxFeePerGasWei, maxPriorityFeePerGasWei, isForeign];
  return `0x${Buffer.from(JSON.stringify(fields)).toString("hex")}`;
}

function contentOf(raw: Hex): Content {
  const fields: [number, string, StakeCall | null, string, string] = JSON.parse(
    Buffer.from(raw.slice(2), "hex").toString(),
  );
  const [nonce, gasLimit, call, maxFeePerGasWei, maxPriorityFeePerGasWei] = fields;
  return { nonce, gasLimit, call, maxFeePerGasWei, maxPriorityFeePerGasWei };
}

function hashOf(text: string): Hex {
  return `0x${createHash("sha256").update(text).digest("hex")}`;
}

/** A request of the model: its number is in its owner (where none is named) and its signature. */
export function modelCall(number: number, owner = number): StakeCall {
  return {
    kind: "stake",
    owner: `0x${owner.toString(16).padStart(40, "0")}`,
    target: "73133705",
    dipAmount: "1000",
    signatureId: `0x${number.toString(16).padStart(64, "0")}`,
    signature: `0x${number.toString(16).padStart(128, "0")}1b`,
  };
}
