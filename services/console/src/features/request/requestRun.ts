import {
  type ForwardRequest,
  type ForwardSummary,
  type Postern,
  type PosternError,
  toPosternError,
} from "@postern/client";
import { type Answer, answerOf, type Head } from "./answer";

export type RequestState =
  | { phase: "idle" }
  | { phase: "running"; startedAt: number }
  | { phase: "done"; elapsed: number; answer: Answer }
  | { phase: "failed"; elapsed: number; error: PosternError }
  | { phase: "cancelled"; elapsed: number };

interface Options {
  postern: Postern;
  onFailure: (error: PosternError) => void;
}

/** Makes one request at a time and collects its answer; components subscribe to its state. */
export class RequestRun {
  private readonly options: Options;
  private readonly listeners = new Set<() => void>();
  private state: RequestState = { phase: "idle" };
  private abort: AbortController | null = null;

  constructor(options: Options) {
    this.options = options;
  }

  readonly snapshot = (): RequestState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  cancel(): void {
    this.abort?.abort();
  }

  async start(request: ForwardRequest): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.abort = abort;
    const startedAt = performance.now();
    this.setState({ phase: "running", startedAt });
    const outcome = await this.outcomeOf(request, abort.signal, startedAt);
    // A later request has replaced this one, so its outcome is ignored.
    if (this.abort !== abort) return;
    this.abort = null;
    this.setState(outcome);
    if (outcome.phase === "failed") this.options.onFailure(outcome.error);
  }

  private async outcomeOf(
    request: ForwardRequest,
    signal: AbortSignal,
    startedAt: number,
  ): Promise<RequestState> {
    const elapsed = () => performance.now() - startedAt;
    try {
      const answer = await this.collect(request, signal);
      return { phase: "done", elapsed: elapsed(), answer };
    } catch (thrown) {
      if (signal.aborted) return { phase: "cancelled", elapsed: elapsed() };
      return { phase: "failed", elapsed: elapsed(), error: toPosternError(thrown) };
    }
  }

  private async collect(request: ForwardRequest, signal: AbortSignal): Promise<Answer> {
    let head: Head | null = null;
    let summary: ForwardSummary | null = null;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of this.options.postern.forward(request, { signal })) {
      if (part.kind === "head") head = part;
      else if (part.kind === "body") chunks.push(part.bytes);
      else summary = part.summary;
    }
    if (head === null || summary === null) throw new Error("forward() always ends with a summary");
    return answerOf(head, joined(chunks), summary);
  }

  private setState(state: RequestState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

function joined(chunks: readonly Uint8Array<ArrayBuffer>[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
