import { WriteStream } from "node:tty";
import { expect, test, vi } from "vitest";
import { createTerminal } from "../../../src/client/terminal.ts";

const hideCursor = "\u001B[?25l";
const showCursor = "\u001B[?25h";

/** A terminal that keeps what is written to it. */
function fakeTerminal(columns: number) {
  let written = "";
  const stream: WriteStream = Object.create(WriteStream.prototype, {
    isTTY: { value: true },
    columns: { value: columns },
    write: {
      value: (text: string) => {
        written += text;
        return true;
      },
    },
  });
  return { stream, read: () => written };
}

test("Ctrl-C gives the terminal its cursor back and ends the program as ever", () => {
  const { stream, read } = fakeTerminal(80);
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  const bar = createTerminal({ stdout: stream, stderr: stream }, { json: false }).startBar("done");
  bar.show({ done: 1, total: 4, note: "" });
  expect(read()).toContain(hideCursor);
  expect(read()).not.toContain(showCursor);

  process.emit("SIGINT", "SIGINT");

  expect(read()).toContain(showCursor);
  expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, "SIGINT");
  kill.mockRestore();
});

test("a bar that was stopped leaves signals alone", () => {
  const { stream } = fakeTerminal(80);
  const listeners = process.listenerCount("SIGINT");
  const bar = createTerminal({ stdout: stream, stderr: stream }, { json: false }).startBar("done");
  bar.show({ done: 1, total: 4, note: "" });
  bar.stop();
  expect(process.listenerCount("SIGINT")).toBe(listeners);
});
