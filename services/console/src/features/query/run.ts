import {
  type Postern,
  type PosternError,
  Rows,
  type Statement,
  type Summary,
  toPosternError,
} from "@postern/client";

/** The interval between updates while rows arrive: short enough to look live, long enough to be cheap. */
const NOTIFY_MS = 40;

export type RunState =
  | { phase: "idle" }
  | { phase: "running"; startedAt: number; rows: Rows | null; count: number }
  | { phase: "done"; elapsed: number; rows: Rows; summary: Summary }
  | { phase: "failed"; elapsed: number; rows: Rows | null; error: PosternError; sql: string }
  | { phase: "cancelled"; elapsed: number; rows: Rows | null };

interface Options {
  postern: Postern;
  onFailure?: (error: PosternError) => void;
  now?: () => number;
}

/** Runs one statement at a time and collects its rows; components subscribe to its state. */
export class Run {
  private readonly postern: Postern;
  private readonly onFailure: (error: PosternError) => void;
  private readonly now: () => number;
  private readonly listeners = new Set<() => void>();
  private state: RunState = { phase: "idle" };
  private abort: AbortController | null = null;
  private pending: ReturnType<typeof setTimeout> | null = null;

  constructor({ postern, onFailure = () => {}, now = () => performance.now() }: Options) {
    this.postern = postern;
    this.onFailure = onFailure;
    this.now = now;
  }

  readonly snapshot = (): RunState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  cancel(): void {
    this.abort?.abort();
  }

  async start(statement: Statement): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.abort = abort;
    const startedAt = this.now();
    this.setState({ phase: "running", startedAt, rows: null, count: 0 });
    const outcome = await this.collect(statement, abort.signal, startedAt);
    // A later run has replaced this one, so its outcome is ignored.
    if (this.abort !== abort) return;
    this.abort = null;
    this.setState(outcome);
    if (outcome.phase === "failed") this.onFailure(outcome.error);
  }

  private async collect(
    statement: Statement,
    signal: AbortSignal,
    startedAt: number,
  ): Promise<RunState> {
    let rows: Rows | null = null;
    let summary: Summary | null = null;
    try {
      const { connection, sql, parameters, ...limits } = statement;
      const query = this.postern.query(connection, sql, parameters, { ...limits, signal });
      for await (const part of query.parts()) {
        if (part.kind === "header") rows = new Rows(part.columns);
        else if (part.kind === "batch") rows?.append(part.batch);
        else summary = part.summary;
        if (!signal.aborted) this.progress(startedAt, rows);
      }
      if (rows === null || summary === null) throw new Error("query() always ends with a summary");
      return { phase: "done", elapsed: this.now() - startedAt, rows, summary };
    } catch (thrown) {
      const elapsed = this.now() - startedAt;
      const error = toPosternError(thrown);
      if (signal.aborted) return { phase: "cancelled", elapsed, rows };
      return { phase: "failed", elapsed, rows, error, sql: statement.sql };
    }
  }

  private progress(startedAt: number, rows: Rows | null): void {
    this.state = { phase: "running", startedAt, rows, count: rows?.count ?? 0 };
    this.pending ??= setTimeout(() => this.notify(), NOTIFY_MS);
  }

  private setState(state: RunState): void {
    this.state = state;
    this.notify();
  }

  private notify(): void {
    if (this.pending !== null) clearTimeout(this.pending);
    this.pending = null;
    for (const listener of this.listeners) listener();
  }
}
