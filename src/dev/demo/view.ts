import cliProgress from "cli-progress";
import type { LiveState } from "./live-state.ts";

/** What a person sees of the demo. */
export type DemoView = {
  /** A line that stays: what happens now, with the time since the start in front. */
  readonly say: (line: string) => void;
  /** The picture that moves. */
  readonly show: (state: LiveState) => void;
  /** Lets the picture stand still for good; may be called again. */
  readonly end: () => void;
};

/** Bars on a terminal, plain lines elsewhere. */
export function createView(stream: NodeJS.WriteStream): DemoView {
  const started = Date.now();
  const stamp = (line: string) =>
    `${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`;
  return stream.isTTY ? createBarView(stream, stamp) : createLineView(stream, stamp);
}

/** What stays is written over a bar, which may be longer. */
const clearRestOfLine = "\u001B[K";

type Stamp = (line: string) => string;

function createBarView(stream: NodeJS.WriteStream, stamp: Stamp): DemoView {
  const bars = new cliProgress.MultiBar(
    {
      stream,
      hideCursor: true,
      autopadding: true,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 30,
      linewrap: false,
      // Lines that stay push the bars down; unchanged ones would not be drawn again there.
      forceRedraw: true,
    },
    cliProgress.Presets.shades_classic,
  );
  const line = () => bars.create(1, 0, { text: "" }, { format: "{text}" });
  const backfill = bars.create(
    1,
    0,
    { note: "" },
    { format: "backfill  {bar} {percentage} %  {value}/{total} {note}" },
  );
  const [follow, gaps] = [line(), line()];
  // One line or two: without staking there is no signer.
  let signer: cliProgress.SingleBar | undefined;
  let link = line();
  let hasEnded = false;
  return {
    say: (text) => {
      if (hasEnded) stream.write(`${stamp(text)}\n`);
      else bars.log(`${stamp(text)}${clearRestOfLine}\n`);
    },
    show: (state) => {
      backfill.setTotal(Math.max(state.backfill.total, 1));
      backfill.update(state.backfill.done, { note: state.backfill.note });
      follow.update(0, { text: `follow    ${state.follow}` });
      gaps.update(0, { text: `gaps      ${state.gaps}` });
      if (state.signer !== null && signer === undefined) {
        signer = link;
        link = line();
      }
      signer?.update(0, { text: `signer    ${state.signer}` });
      link.update(0, { text: `UI        ${state.uiUrl}` });
    },
    end: () => {
      // Stopped twice, they would be drawn again over what was printed meanwhile.
      if (hasEnded) return;
      hasEnded = true;
      bars.update(); // writes the lines that were said since it was drawn last
      bars.stop();
    },
  };
}

const lineEveryMs = 2000;

function createLineView(stream: NodeJS.WriteStream, stamp: Stamp): DemoView {
  let last = { text: "", at: 0 };
  const say = (text: string) => stream.write(`${stamp(text)}\n`);
  return {
    say,
    show: ({ backfill: { done, total, note }, follow, gaps, signer }) => {
      const jobs = `backfill ${done}/${total} ${note} | follow ${follow} | gaps ${gaps}`;
      const text = signer === null ? jobs : `${jobs} | signer ${signer}`;
      if (text === last.text || Date.now() - last.at < lineEveryMs) return;
      last = { text, at: Date.now() };
      say(text);
    },
    end: () => {},
  };
}
