import { SingleBar } from "cli-progress";

export type Bar = {
  /** @param note - What follows the bar: rate, time left, what it waits for. */
  readonly show: (state: { done: number; total: number; note: string }) => void;
  readonly stop: () => void;
};

/** What a person at a terminal sees while a command runs; elsewhere all of it is silent. */
export type Terminal = {
  readonly isInteractive: boolean;
  /** A line about what comes now, before the answer. */
  readonly say: (line: string) => void;
  readonly startBar: (label: string) => Bar;
  /** Shows a text in place of the last one, again and again until Ctrl-C. */
  readonly watch: (render: () => Promise<string>, intervalMs: number) => Promise<void>;
};

type Streams = {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
};

const silentBar: Bar = { show: () => {}, stop: () => {} };
const endingSignals = ["SIGINT", "SIGTERM"] as const;
const clearScreen = "\u001B[2J\u001B[H";

export function createTerminal({ stdout, stderr }: Streams, { json }: { json: boolean }): Terminal {
  const isInteractive = stdout.isTTY && stderr.isTTY && !json;
  return {
    isInteractive,
    say: (line) => {
      if (isInteractive) stderr.write(`${line}\n`);
    },
    startBar: (label) => (isInteractive ? startBar(label, stderr) : silentBar),
    watch: async (render, intervalMs) => {
      const interrupted = new Promise<"interrupted">((resolve) => {
        process.once("SIGINT", () => resolve("interrupted"));
      });
      for (;;) {
        stdout.write(`${clearScreen}${await render()}\n`);
        const tick = new Promise<"tick">((resolve) => setTimeout(resolve, intervalMs, "tick"));
        if ((await Promise.race([interrupted, tick])) === "interrupted") return;
      }
    },
  };
}

/** What stands beside a bar: label, percent, blocks, rates, time left. */
const besideBar = 75;

function startBar(label: string, stream: NodeJS.WriteStream): Bar {
  const bar = new SingleBar({
    format: `${label} {bar} {percentage} % | {value}/{total} blocks {note}`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    barsize: Math.min(40, Math.max(10, stream.columns - besideBar)),
    stream,
  });
  // A terminal keeps no cursor and no line breaks from a bar that nobody stopped.
  const interrupt = (signal: NodeJS.Signals) => {
    bar.stop();
    process.kill(process.pid, signal);
  };
  for (const signal of endingSignals) process.once(signal, interrupt);
  let started = false;
  return {
    show: ({ done, total, note }) => {
      if (started) {
        bar.setTotal(total);
        bar.update(done, { note });
      } else {
        bar.start(total, done, { note });
        started = true;
      }
    },
    stop: () => {
      for (const signal of endingSignals) process.off(signal, interrupt);
      bar.stop();
    },
  };
}
