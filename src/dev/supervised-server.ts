import { setTimeout as sleep } from "node:timers/promises";

/** A server process of ours. */
type Server = {
  /** Settles when it is gone, whoever ended it. */
  readonly exited: Promise<unknown>;
  readonly stop: () => Promise<void>;
};

type Supervision = {
  readonly name: string;
  /** Starts it where it was: same port, same data. */
  readonly restart: () => Promise<Server>;
  readonly report: (line: string) => void;
};

const restartDelayMs = 500;
/** After a start that failed: its reason is said each time. */
const retryDelayMs = 5_000;

/** Starts a server again whenever it dies, until it is stopped. Clients of it wait meanwhile and lose nothing. */
export class SupervisedServer {
  readonly #supervision: Supervision;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #current: Server;

  constructor(running: Server, supervision: Supervision) {
    this.#current = running;
    this.#supervision = supervision;
    this.#ended = this.#supervise();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#current.stop();
    await this.#ended;
  }

  async #supervise(): Promise<void> {
    const { name, report } = this.#supervision;
    for (;;) {
      await this.#current.exited;
      if (this.#stopping.signal.aborted) return;
      report(`${name} ended without being asked to; starting it again`);
      const started = await this.#restart();
      if (started === null) return;
      this.#current = started;
      if (this.#stopping.signal.aborted) return started.stop();
      report(`${name} is back`);
    }
  }

  /** null: it was stopped meanwhile. */
  async #restart(): Promise<Server | null> {
    const { name, restart, report } = this.#supervision;
    for (let delayMs = restartDelayMs; ; delayMs = retryDelayMs) {
      await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return null;
      try {
        return await restart();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        report(`${name} does not start; trying again in ${retryDelayMs / 1000} s. ${reason}`);
      }
    }
  }
}
