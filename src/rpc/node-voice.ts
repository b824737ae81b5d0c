import type { NodeCapabilities } from "./capabilities.ts";
import type { NodeListener, NodeState } from "./node-meters.ts";
import type { NodeFaultKind } from "./node-observer.ts";

/** Says what becomes of one node, under its name and its network's: a state once, when it changes. */
export class NodeVoice {
  readonly #name: { readonly network: string; readonly node: string };
  readonly #listener: NodeListener;
  #said: NodeState = "serving";
  /** As the node said last; null = not asked yet. */
  clientVersion: string | null = null;

  constructor(listener: NodeListener, name: { readonly network: string; readonly node: string }) {
    this.#listener = listener;
    this.#name = name;
  }

  request(seconds: number): void {
    const { network, node } = this.#name;
    this.#listener.meters.nodeRequest(network, node, seconds);
  }

  fault(kind: NodeFaultKind | "contradicted"): void {
    const { network, node } = this.#name;
    this.#listener.meters.nodeFault(network, node, kind);
  }

  tell(state: NodeState, reason: string): void {
    if (state === this.#said) return;
    this.#said = state;
    this.report(state, reason);
  }

  learnt(capabilities: NodeCapabilities): void {
    this.#listener.learnt?.({ ...this.#name, ...capabilities });
  }

  report(state: NodeState, reason: string): void {
    this.#listener.report({
      ...this.#name,
      state,
      reason,
      clientVersion: this.clientVersion,
    });
  }
}
