import { keyMatcher } from "./json-keys.ts";
import { JsonLexer } from "./json-lexer.ts";
import {
  ARRAY_END,
  ARRAY_START,
  KEY,
  NEED_MORE,
  NULL,
  NUMBER,
  OBJECT_END,
  OBJECT_START,
  SKIPPED,
  STRING,
} from "./json-tokens.ts";
import { excerpt, malformed, TraceRejected } from "./trace-rejected.ts";

/** What some clients give for a block that they do not have or have not run yet: trying again may mend it. */
const NULL_RESULT = "null stands in place of a trace";

/** Where in the answer a scan stands. */
const TOP = 0;
const ERROR = 1;
const ITEMS = 2;
const ITEM = 3;
/** Inside a transaction's `result`: the subclass's ground. */
const INSIDE = 4;

const topKey = keyMatcher(["result", "error"]);
const itemKey = keyMatcher(["result", "error", "txHash"]);
const RESULT_FIELD = 1;
const ERROR_FIELD = 2;
const HASH_FIELD = 3;
const errorKey = keyMatcher(["code", "message"]);
const MESSAGE_FIELD = 2;

/**
 * Scans the frame of an answer of `debug_traceBlockByHash`, `{result: [{txHash, result: {..}}, ..]}` or an error,
 * chunk by chunk and keys in any order; what stands in a transaction's `result` is the subclass's.
 * @throws {TraceRejected} trace_refused for an error in place of a result, trace_malformed for another shape,
 * trace_cut when the bytes end too early.
 */
export abstract class BlockAnswerScanner {
  protected readonly lexer = new JsonLexer();
  /** The field whose value comes next; 0: none that is known. */
  protected field = 0;
  /** Position of the transaction in hand; -1 before the first. */
  protected transactionIndex = -1;
  /** `txHash` of the transaction in hand, lower case; null where the node names none. */
  protected transactionHash: string | null = null;
  private readonly check: string;
  private context = TOP;
  private hasItems = false;
  private hasNull = false;
  private hasResult = false;
  private errorCode = "";
  private errorMessage = "";
  private errorOfItem = false;

  constructor(check: string) {
    this.check = check;
  }

  /** Takes the next bytes of the answer. */
  scan(chunk: Uint8Array): void {
    this.lexer.feed(chunk);
    for (;;) {
      if (this.context === INSIDE) {
        if (!this.scanInside()) return;
      } else {
        const token = this.lexer.next();
        if (token === NEED_MORE) return;
        this.take(token);
      }
    }
  }

  /** Says that all bytes came. */
  end(): void {
    this.lexer.finish();
    if (this.hasItems) return;
    throw malformed(this.check, this.hasNull ? NULL_RESULT : "the answer holds no array of traces");
  }

  /** A transaction's object begins. */
  protected abstract beginItem(): void;
  /** A transaction's `result` begins; `scanInside` follows. */
  protected abstract beginResult(): void;
  /** Reads on until the result has ended (after `endResult`) or more bytes are needed (false). */
  protected abstract scanInside(): boolean;
  /** A transaction's object ended. */
  protected abstract endItem(): void;

  /** To be called by the subclass at the end of a `result`. */
  protected endResult(): void {
    this.context = ITEM;
    this.field = 0;
  }

  protected malformed(reason: string, stepIndex?: number): TraceRejected {
    const { transactionIndex } = this;
    return malformed(this.check, reason, {
      transactionIndex: transactionIndex < 0 ? undefined : transactionIndex,
      stepIndex,
    });
  }

  private take(token: number): void {
    switch (this.context) {
      case TOP:
        return this.takeTop(token);
      case ERROR:
        return this.takeError(token);
      case ITEMS:
        return this.takeItems(token);
      default:
        return this.takeItem(token);
    }
  }

  private takeTop(token: number): void {
    if (token === KEY) {
      this.field = topKey(this.lexer);
      if (this.field === 0) this.lexer.skipValue();
      return;
    }
    const { field } = this;
    this.field = 0;
    if (field === RESULT_FIELD && token === ARRAY_START) {
      if (this.hasItems) throw this.malformed("the answer has two results");
      this.context = ITEMS;
      this.hasItems = true;
    } else if (field === ERROR_FIELD && token !== NULL) {
      this.beginError(token, false);
    } else if (field === RESULT_FIELD && token === NULL) {
      this.hasNull = true;
    } else if (field === RESULT_FIELD) {
      throw this.malformed("the answer holds no array of traces");
    } else if (field === 0 && token !== OBJECT_START && token !== OBJECT_END && token !== SKIPPED) {
      throw this.malformed("the answer is no JSON-RPC object");
    }
  }

  private takeItems(token: number): void {
    if (token === ARRAY_END) {
      this.context = TOP;
      return;
    }
    this.transactionIndex++;
    if (token === NULL) throw this.malformed(NULL_RESULT);
    if (token !== OBJECT_START) throw this.malformed("a trace is no object");
    this.context = ITEM;
    this.transactionHash = null;
    this.hasResult = false;
    this.hasNull = false;
    this.beginItem();
  }

  private takeItem(token: number): void {
    if (token === KEY) {
      this.field = itemKey(this.lexer);
      if (this.field === 0) this.lexer.skipValue();
      return;
    }
    const { field } = this;
    this.field = 0;
    if (field === HASH_FIELD && token === STRING) {
      this.transactionHash = this.lexer.text().toLowerCase();
    } else if (field === RESULT_FIELD && token === OBJECT_START) {
      if (this.hasResult) throw this.malformed("a transaction has two results");
      this.hasResult = true;
      this.context = INSIDE;
      this.beginResult();
    } else if (field === RESULT_FIELD && token === NULL) {
      this.hasNull = true;
    } else if (field === ERROR_FIELD && token !== NULL) {
      this.beginError(token, true);
    } else if (token === OBJECT_END) {
      if (!this.hasResult) {
        throw this.malformed(this.hasNull ? NULL_RESULT : "a transaction has no result");
      }
      this.context = ITEMS;
      this.endItem();
    } else if (field !== 0 && token !== NULL) {
      throw this.malformed("a trace has another shape");
    }
  }

  /** An error stands where `token` begins: throws it, at once or when it is read. */
  protected beginError(token: number, ofItem: boolean): void {
    this.errorOfItem = ofItem;
    if (token === STRING) throw this.refused(this.lexer.text());
    if (token !== OBJECT_START) throw this.refused("an error without a message");
    this.context = ERROR;
  }

  private takeError(token: number): void {
    if (token === KEY) {
      this.field = errorKey(this.lexer);
      if (this.field === 0) this.lexer.skipValue();
    } else if (token === OBJECT_END) {
      throw this.refused([this.errorMessage, this.errorCode].filter(Boolean).join(" "));
    } else if (token === STRING || token === NUMBER) {
      if (this.field === MESSAGE_FIELD) this.errorMessage = this.lexer.text();
      else this.errorCode = `(code ${this.lexer.text()})`;
    } else if (token === OBJECT_START || token === ARRAY_START) {
      throw this.refused("an error of unknown shape");
    }
  }

  private refused(message: string): TraceRejected {
    return new TraceRejected({
      kind: "trace_refused",
      check: this.check,
      reason: `the node answers an error: ${excerpt(message)}`,
      transactionIndex: this.errorOfItem ? this.transactionIndex : undefined,
    });
  }
}
