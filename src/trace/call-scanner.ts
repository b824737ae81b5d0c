import { BlockAnswerScanner } from "./block-answer.ts";
import { CallFrames, outcomeOf } from "./call-frames.ts";
import { keyMatcher } from "./json-keys.ts";
import { parseInteger, parseQuantity } from "./json-numbers.ts";
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
  STRING_PART,
} from "./json-tokens.ts";
import { findOperation } from "./opcodes.ts";
import { hexValue } from "./step.ts";
import { excerpt } from "./trace-rejected.ts";

const frameKey = keyMatcher([
  "type",
  "gas",
  "gasUsed",
  "to",
  "input",
  "output",
  "error",
  "value",
  "calls",
]);
const TYPE = 1;
const GAS = 2;
const GAS_USED = 3;
const TO = 4;
const INPUT = 5;
const OUTPUT = 6;
const FRAME_ERROR = 7;
const VALUE = 8;
const CALLS_FIELD = 9;

const MAXIMUM_OUTPUT_DIGITS = 64 * 1024 * 1024;

/** Scans the callTracer's answer into a compact table. */
export class CallScanner extends BlockAnswerScanner {
  readonly frames = new CallFrames();
  /** `txHash` of each trace, null where the node names none. */
  readonly transactionHashes: (string | null)[] = [];
  private frame = -1;
  /** Between the brackets of `calls`. */
  private insideCalls = false;
  private outputPieces: string[] = [];
  private textBytes = 0;

  constructor() {
    super("calls");
  }

  protected override beginItem(): void {}

  protected override beginResult(): void {
    this.frames.roots.push(this.frames.length);
    this.frames.outputs.push(null);
    this.openFrame(-1);
  }

  protected override endItem(): void {
    this.transactionHashes.push(this.transactionHash);
  }

  protected override scanInside(): boolean {
    for (;;) {
      const token = this.lexer.next();
      if (token === NEED_MORE) return false;
      if (this.insideCalls) this.takeCalls(token);
      else if (this.takeFrame(token)) return true;
    }
  }

  private openFrame(parent: number): void {
    this.frame = this.frames.add(parent);
    this.insideCalls = false;
    this.field = 0;
  }

  /** True when the root has ended. */
  private takeFrame(token: number): boolean {
    const { lexer } = this;
    if (token === KEY) {
      this.field = frameKey(lexer);
      if (this.field === 0) lexer.skipValue();
      else if (this.field === INPUT || this.field === OUTPUT) this.beginBytes();
    } else if (token === STRING_PART) {
      this.takeBytes();
    } else if (token === STRING) {
      this.takeText();
      this.field = 0;
    } else if (token === OBJECT_END) {
      return this.closeFrame();
    } else if (token === ARRAY_START && this.field === CALLS_FIELD) {
      this.insideCalls = true;
      this.field = 0;
    } else if (token === NUMBER) {
      this.takeGas(parseInteger(lexer.source, lexer.start, lexer.stop));
      this.field = 0;
    } else if (token === SKIPPED || token === NULL) {
      this.field = 0;
    } else {
      throw this.malformed("a frame's field has another type");
    }
    return false;
  }

  private takeText(): void {
    const { lexer, frames, frame, field } = this;
    if (field === INPUT || field === OUTPUT) {
      this.takeBytes();
      this.endBytes();
    } else if (field === TYPE) {
      const operation = findOperation(lexer.text());
      if (operation === undefined) {
        throw this.malformed(`a frame's type is ${excerpt(lexer.text())}`);
      }
      frames.operation[frame] = operation;
    } else if (field === FRAME_ERROR) {
      const error = lexer.text();
      if (error !== "") frames.outcome[frame] = outcomeOf(error);
    } else if (field === TO) {
      this.takeTarget();
    } else if (field === VALUE) {
      frames.hasValue[frame] = parseQuantity(lexer.source, lexer.start, lexer.stop) > 0 ? 1 : 0;
    } else {
      this.takeGas(parseQuantity(lexer.source, lexer.start, lexer.stop));
    }
  }

  private takeGas(value: number): void {
    if (!(value >= 0) || !(this.field === GAS || this.field === GAS_USED)) {
      throw this.malformed("a frame's gas is no whole number");
    }
    (this.field === GAS ? this.frames.gas : this.frames.gasUsed)[this.frame] = value;
  }

  private takeTarget(): void {
    const { lexer, frames, frame } = this;
    if (lexer.stop - lexer.start !== 42) throw this.malformed("a frame's `to` is no address");
    for (let i = 0; i < 20; i++) {
      const at = lexer.start + 2 + 2 * i;
      const high = hexValue[lexer.source[at]!]!;
      const low = hexValue[lexer.source[at + 1]!]!;
      frames.targets[frame * 20 + i] = high * 16 + low;
    }
    frames.hasTarget[frame] = 1;
  }

  private beginBytes(): void {
    this.outputPieces = [];
    this.textBytes = 0;
    this.lexer.streamString();
  }

  /** Takes a piece of input or output; only a root's output is kept as text. */
  private takeBytes(): void {
    const { lexer } = this;
    const length = lexer.stop - lexer.start;
    if (this.field === OUTPUT && this.frames.parent[this.frame] === -1) {
      if (this.textBytes + length > MAXIMUM_OUTPUT_DIGITS) {
        throw this.malformed("a return value is beyond any block's");
      }
      this.outputPieces.push(lexer.text());
    }
    this.textBytes += length;
  }

  private endBytes(): void {
    const { frames, frame } = this;
    const bytes = Math.max(0, (this.textBytes - 2) / 2);
    if (this.field === INPUT) {
      frames.inputBytes[frame] = bytes;
      return;
    }
    frames.outputBytes[frame] = bytes;
    if (frames.parent[frame] !== -1) return;
    const text = this.outputPieces.join("").toLowerCase();
    frames.outputs[frames.outputs.length - 1] = text === "" || text === "0x" ? null : text;
  }

  private closeFrame(): boolean {
    const { frames, frame } = this;
    if (frames.operation[frame] === 0) throw this.malformed("a frame has no type");
    const parent = frames.parent[frame]!;
    this.frame = parent;
    this.insideCalls = parent !== -1;
    if (parent === -1) this.endResult();
    return parent === -1;
  }

  private takeCalls(token: number): void {
    if (token === OBJECT_START) this.openFrame(this.frame);
    else if (token === ARRAY_END) this.insideCalls = false;
    else throw this.malformed("a call is no object");
  }
}
