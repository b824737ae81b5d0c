/** Facts that stand under a message, one a line: `chain id: 1`. Never a secret. */
type ErrorText = {
  readonly facts?: readonly string[];
  readonly fix?: string;
  readonly cause?: unknown;
};

/**
 * Every error that blockloom throws on purpose: what is wrong, the facts, the fix.
 * Its subclasses are the headings of docs/errors.md (a test holds the two together).
 */
export abstract class AppError extends Error {
  override readonly name: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  abstract readonly retryable: boolean;
  readonly facts: readonly string[];
  readonly fix: string | undefined;

  constructor(what: string, { facts = [], fix, cause }: ErrorText = {}) {
    super(
      [what, ...facts.map((fact) => `  ${fact}`), ...(fix ? [`  Fix: ${fix}`] : [])].join("\n"),
      {
        cause,
      },
    );
    this.name = new.target.name;
    this.facts = facts;
    this.fix = fix;
  }
}

/** The same call may succeed later by itself. */
abstract class TransientError extends AppError {
  override readonly retryable = true;
}

/** Somebody has to change something first. */
abstract class PermanentError extends AppError {
  override readonly retryable = false;
}

/** The configuration cannot be used. Lists every key at once. */
export class ConfigError extends PermanentError {}

/** A network name that no configuration defines. */
export class UnknownNetworkError extends PermanentError {
  constructor({ network, known }: { network: string; known: readonly string[] }) {
    super(`The network "${network}" is not configured.`, {
      facts: [`configured networks: ${known.length > 0 ? known.join(", ") : "none"}`],
      fix: "name one of them with --network, or add it to blockloom.yaml (or set NETWORK and RPC_URL).",
    });
  }
}

/** A processor name that is neither one of ours nor an alias of the reference's. */
export class UnknownProcessorError extends PermanentError {
  constructor({ processor, known }: { processor: string; known: readonly string[] }) {
    super(`The processor "${processor}" does not exist.`, {
      facts: [`processors: ${known.join(", ")}`],
      fix: "use one of them.",
    });
  }
}

/** Text that names no blocks: not a number, a range `a-b`, or `a:+n`. */
export class InvalidBlocksError extends PermanentError {
  constructor({ text, reason }: { text: string; reason: string }) {
    super(`"${text.slice(0, 200)}" does not name blocks: ${reason}.`, {
      fix: "write a number (17000000), a closed range (15000000-15000999) or a length (15M:+1000).",
    });
  }
}

/** A node that cannot be reached or does not answer in time. Never booked to a block. */
export class NodeUnavailableError extends TransientError {
  constructor({ node, method, reason }: { node: string; method: string; reason: string }) {
    super(`The execution node "${node}" does not answer.`, {
      facts: [`${method}: ${reason}`],
      fix: "check that the node runs and that its url is right; jobs go on by themselves when it is back.",
    });
  }
}

/** A node that serves another chain than the network's. */
export class WrongChainError extends PermanentError {
  constructor(facts: {
    network: string;
    node: string;
    /** What differs; default: the chain id. */
    what?: "chain id" | "genesis hash";
    expected: number | string;
    /** The node that shows what is expected; absent: the configuration says so. */
    like?: string;
    actual: number | string;
  }) {
    const { what = "chain id", expected, like, actual } = facts;
    super(`The node "${facts.node}" serves another chain than the network "${facts.network}".`, {
      facts: [
        `expected ${what}: ${expected}${like === undefined ? "" : `, as the node "${like}" shows`}`,
        `${what === "chain id" ? "eth_chainId" : "its block 0"}: ${actual}`,
      ],
      fix: "point the network at a node of its chain, or give this chain a network name of its own.",
    });
  }
}

/** A node that answers, and says something that is no answer to what was asked. */
export class NodeRefusedError extends TransientError {
  constructor({ node, method, reason }: { node: string; method: string; reason: string }) {
    super(`The execution node "${node}" refuses ${method}.`, {
      facts: [reason],
      fix: "see what the node's log says of it; the staking service asks again by itself.",
    });
  }
}

/** An address that holds no staking contract, or one whose parts do not fit together. */
export class StakingContractError extends PermanentError {
  constructor({ address, reason }: { address: string; reason: string }) {
    super(`There is no staking contract at ${address}.`, {
      facts: [reason],
      fix: "set STAKING_ADDRESS to the staking proxy of this chain, and STAKING_CHAIN_ID and the nodes to its chain.",
    });
  }
}

/** A transaction that the holder of the key does not sign, whoever asks for it. */
export class SigningRefusedError extends PermanentError {
  constructor({ reason }: { reason: string }) {
    super("The transaction was not signed.", {
      facts: [reason],
      fix: "only the two staking calls on the configured contract and empty transfers to itself are signed, below the fee cap.",
    });
  }
}

/** A network name whose stored rows belong to another chain (chain id or genesis hash differ). */
export class NetworkBindingError extends PermanentError {
  constructor(facts: { network: string; bound: string; actual: string }) {
    super(`The rows stored under "${facts.network}" belong to another chain.`, {
      facts: [`bound at first use: ${facts.bound}`, `the node says: ${facts.actual}`],
      fix: "use another network name or another ClickHouse database; one name holds one chain for ever.",
    });
  }
}

/** A node without the debug namespace, or without a tracer that is needed of it. */
export class DebugNamespaceMissingError extends PermanentError {
  constructor({
    node,
    clientVersion,
    missing = "debug_traceBlockByHash",
  }: {
    node: string;
    clientVersion: string;
    missing?: "debug_traceBlockByHash" | "callTracer";
  }) {
    super(`The node "${node}" does not serve ${missing}.`, {
      facts: [`client: ${clientVersion}`],
      fix:
        missing === "callTracer"
          ? "use a newer version of the client, or another node: call targets come from this tracer."
          : "start it with the debug namespace (geth: --http.api eth,web3,debug) or use a node that has it.",
    });
  }
}

/** A node that answers traces without steps, such as anvil without --steps-tracing. */
export class StepsTracingMissingError extends PermanentError {
  constructor({ node, clientVersion }: { node: string; clientVersion: string }) {
    super(`The node "${node}" answers traces that hold no steps.`, {
      facts: [
        `client: ${clientVersion}`,
        "a transaction that ran code came back with structLogs: []",
      ],
      fix: "start anvil with --steps-tracing; nothing was stored.",
    });
  }
}

/** ClickHouse cannot be reached. Never booked to a block. */
export class StorageUnavailableError extends TransientError {
  constructor({ reason }: { reason: string }) {
    super("ClickHouse does not answer.", {
      facts: [reason],
      fix: "check that it runs and CLICKHOUSE_URL; jobs go on by themselves when it is back.",
    });
  }
}

/** ClickHouse refused a statement. */
export class StorageRefusedError extends TransientError {
  constructor({ code, type, message }: { code: string; type: string; message: string }) {
    super("ClickHouse refused a statement.", {
      facts: [`code ${code} (${type})`, message.slice(0, 500)],
      fix: "see the code in ClickHouse's documentation; nothing counts as stored until it is accepted.",
    });
  }
}

/** Redis cannot be reached, restarts, or is still loading. */
export class RedisUnavailableError extends TransientError {
  constructor({ reason }: { reason: string }) {
    super("Redis does not answer.", {
      facts: [reason],
      fix: "check that it runs and REDIS_URL; the bridge goes on by itself when it is back, and no request is lost.",
    });
  }
}

/** Redis refused a command: a password, a right, or a key that holds something else. */
export class RedisRefusedError extends TransientError {
  constructor({ command, reason }: { command: string; reason: string }) {
    super("Redis refused a command.", {
      facts: [`${command}: ${reason}`],
      fix: "check the user and password in REDIS_URL, its rights, and that the stream's key holds a stream.",
    });
  }
}

/** The operator's webhook did not take a message. */
export class WebhookRefusedError extends TransientError {
  constructor({ host, reason }: { host: string; reason: string }) {
    super("The webhook did not take a message.", {
      facts: [`host: ${host}`, `answer: ${reason}`],
      fix: "check WEBHOOK_URL and the receiver; it is tried some times more, and the jobs go on without it.",
    });
  }
}

/** The folder for temporary files, or a disk of the database, is full. */
export class DiskFullError extends TransientError {
  constructor({ where }: { where: string }) {
    super("A disk is full.", {
      facts: [where],
      fix: "free space there; the work goes on by itself and nothing was lost.",
    });
  }
}

/** The schema in ClickHouse is newer or older than this program. */
export class SchemaMismatchError extends PermanentError {
  constructor({ reason }: { reason: string }) {
    super("The ClickHouse schema does not fit this version of blockloom.", {
      facts: [reason],
      fix: "run `npm run client -- schema apply` with the newest version in use.",
    });
  }
}

/** Temporal cannot be reached. */
export class TemporalUnavailableError extends TransientError {
  constructor({ address, reason }: { address: string; reason: string }) {
    super("Temporal does not answer.", {
      facts: [`address: ${address}`, reason],
      fix: "check that the server runs (npm run demo or npm run dev starts one) and TEMPORAL_ADDRESS.",
    });
  }
}

/** A payload of the staking service that no key of this process decrypts. Never holds the payload. */
export class UnreadablePayloadError extends PermanentError {
  constructor({ keyId, reason }: { keyId: string; reason: string }) {
    super("A payload of the staking service cannot be decrypted.", {
      facts: [`key id: ${keyId.slice(0, 64)}`, reason],
      fix: "give every process the same STAKING_CODEC_KEYS; after a rotation the old key stays behind the new one.",
    });
  }
}

/** No worker answers on a task queue, so a query or update cannot be served. */
export class NoWorkerError extends TransientError {
  constructor({ workflowId }: { workflowId: string }) {
    super(`No worker answers for "${workflowId}".`, {
      fix: "start one with `npm run worker`. What you asked for may still be done when it comes; asking again is safe.",
    });
  }
}

/** A workflow that is asked for does not run. */
export class JobNotRunningError extends PermanentError {
  constructor({ workflowId, start }: { workflowId: string; start: string }) {
    super(`"${workflowId}" does not run.`, { fix: `start it with \`${start}\`.` });
  }
}

/** A staking request that was never handed in, or that nothing remembers. */
export class UnknownStakeRequestError extends PermanentError {
  constructor({ requestId }: { requestId: string }) {
    super("There is no such staking request.", {
      facts: [`request: ${requestId}`],
      fix: "take the id that its submission was answered with, or hand it in: `npm run client -- stake submit --file request.json`.",
    });
  }
}

/** The job runs already, with another input than the one wanted now. */
export class JobInputDiffersError extends PermanentError {
  constructor({ workflowId, differences }: { workflowId: string; differences: readonly string[] }) {
    super(`"${workflowId}" runs already with other settings.`, {
      facts: differences,
      fix: "leave it running as it is, steer it with its own commands, or stop it first.",
    });
  }
}

/** A backfill whose range meets that of a running one. */
export class OverlappingBackfillError extends PermanentError {
  constructor({ wanted, running }: { wanted: string; running: string }) {
    super(`The backfill ${wanted} overlaps a running one.`, {
      facts: [`running: ${running}`],
      fix: "wait for it, stop it, or choose a range beside it.",
    });
  }
}

/** A range that ends above the chain's head. */
export class RangeBeyondHeadError extends PermanentError {
  constructor({ toBlock, head }: { toBlock: number; head: number }) {
    super("The range ends above the head of the chain.", {
      facts: [`to: ${toBlock}`, `head: ${head}`],
      fix: `end it at ${head} or below, and let follow index what comes after.`,
    });
  }
}

/** A message to a workflow that cannot be acted on: bad shape or more than fits. */
export class RequestRefusedError extends PermanentError {
  constructor({ reason }: { reason: string }) {
    super("The request was refused and changed nothing.", {
      facts: [reason],
      fix: "mend it and send it again.",
    });
  }
}

/** The chain left the branch that was final when it was stored. */
export class ReorgBeyondFinalityError extends PermanentError {
  constructor(facts: {
    network: string;
    blockNumber: number;
    stored: string;
    node: string;
    finalized: number;
  }) {
    super("The node's chain contradicts rows that were final.", {
      facts: [
        `network: ${facts.network}; the first block that differs: block ${facts.blockNumber}; known to be final up to ${facts.finalized}`,
        `stored hash: ${facts.stored}`,
        `node's hash: ${facts.node}`,
      ],
      fix: "nothing was changed; find out which side is right and go on as docs/operations.md says under 'A reorg beneath finality'.",
    });
  }
}

/** Why a block failed; a word of `execution_block.error_kind`. */
export type BlockErrorKind =
  | "block_not_found"
  | "receipts_unavailable"
  | "trace_refused"
  | "trace_malformed"
  | "trace_cut"
  | "proof_mismatch"
  | "row_count_mismatch"
  | "deadline_exceeded"
  | "worker_lost"
  | "storage_refused";

/** A fault of one block: booked to it in the ledger, and the rest of the range goes on. */
export class BlockFailedError extends TransientError {
  readonly kind: BlockErrorKind;
  readonly blockNumber: number;
  constructor(block: { kind: BlockErrorKind; blockNumber: number; reason: string }) {
    super(`Block ${block.blockNumber} failed: ${block.kind}.`, {
      facts: [block.reason],
      fix: "gap-fill tries it again by itself; `coverage --explain` tells its story.",
    });
    this.kind = block.kind;
    this.blockNumber = block.blockNumber;
  }
}
