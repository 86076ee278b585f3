import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code } from "@connectrpc/connect";
import { toDuration, toMilliseconds } from "./duration.js";
import { PosternError } from "./errors.js";
import {
  type Batch,
  type Column,
  type ProxyService,
  type QueryResponse,
  Truncation,
  type ValueSchema,
  type Summary as WireSummary,
  type Timings as WireTimings,
} from "./gen/postern/proxy/v1/proxy_pb.js";
import { type Cell, type Row, rowsOf } from "./rows.js";
import { cancellable, inOrder } from "./streams.js";

/** A parameter: `bigint` is sent as an integer, `number` as a double, `string` as Postgres text. */
export type Parameter = Cell;

export interface Statement {
  connection: string;
  sql: string;
  parameters?: readonly Parameter[];
  maxRows?: number;
  timeoutMs?: number;
}

/** The parts of a result, in this order: one header, any number of batches, one summary. */
export type ResultPart =
  | { kind: "header"; columns: readonly Column[] }
  | { kind: "batch"; batch: Batch }
  | { kind: "summary"; summary: Summary };

export interface Summary {
  rowCount: bigint;
  commandTag: string;
  truncated: "rows" | "bytes" | null;
  role: string;
  timings: Timings;
}

/** Milliseconds, measured by proxy-service; undefined if not reported. */
export type Timings = { [K in "lookup" | "acquire" | "firstRow" | "total"]: number | undefined };

/** Limits of one query, and a signal that cancels it, on the tenant's server too. */
export interface QueryOptions {
  /** At most 10,000,000; if absent, 10,000. */
  maxRows?: number;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** All rows of one query. */
export interface QueryResult<R> {
  rows: R[];
  columns: readonly Column[];
  /** `truncated` says whether rows are missing because a limit was reached. */
  summary: Summary;
}

/**
 * One run of a statement, which starts when it is first read and can be read once: row by row with `for await`, or with
 * one of the methods. Leaving the loop early cancels the statement. Reading throws only PosternError.
 */
export class Query<R extends object = Row> implements AsyncIterable<R> {
  /** The columns, once the first row has been read. */
  columns: readonly Column[] | undefined;
  /** The totals, once the last row has been read. */
  summary: Summary | undefined;
  private readonly run: (maxRows?: number) => AsyncGenerator<ResultPart, void, undefined>;
  private started = false;

  constructor(run: (maxRows?: number) => AsyncGenerator<ResultPart, void, undefined>) {
    this.run = run;
  }

  [Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    return this.read();
  }

  /** Collects all rows. */
  async all(): Promise<QueryResult<R>> {
    const rows: R[] = [];
    for await (const row of this) rows.push(row);
    const { columns, summary } = this;
    if (columns === undefined || summary === undefined) throw new Error("parts() checks the order");
    return { rows, columns, summary };
  }

  /** The first row, or undefined if there is none. Asks for one row only. */
  async first(): Promise<R | undefined> {
    for await (const row of this.read(1)) return row;
    return undefined;
  }

  /** The result as it arrives: one header, any number of columnar batches, one summary. */
  parts(): AsyncGenerator<ResultPart, void, undefined> {
    return this.start();
  }

  private async *read(maxRows?: number): AsyncGenerator<R, void, undefined> {
    for await (const part of this.start(maxRows)) {
      if (part.kind === "header") this.columns = part.columns;
      else if (part.kind === "summary") this.summary = part.summary;
      else yield* rowsOf(part.batch, this.columns ?? []) as Iterable<unknown> as Iterable<R>;
    }
  }

  private start(maxRows?: number): AsyncGenerator<ResultPart, void, undefined> {
    if (this.started) throw new Error("a query can be read once; call query() again");
    this.started = true;
    return this.run(maxRows);
  }
}

/** Runs one statement. Aborting the signal also cancels it on the tenant's server. */
export function runQuery(
  client: Client<typeof ProxyService>,
  statement: Statement,
  signal?: AbortSignal,
): AsyncGenerator<ResultPart, void, undefined> {
  const request = toRequest(statement);
  return cancellable(
    (signal) => inOrder(resultParts(client.query(request, { signal })), "header"),
    signal,
  );
}

async function* resultParts(responses: AsyncIterable<QueryResponse>): AsyncGenerator<ResultPart> {
  for await (const response of responses) yield* toParts(response);
}

/** A message has one or more parts of the result, in this order. */
function* toParts({ header, batch, summary }: QueryResponse): Generator<ResultPart> {
  if (!(header ?? batch ?? summary)) {
    throw new PosternError(Code.Internal, "a message without a part of the result");
  }
  if (header) yield { kind: "header", columns: header.columns };
  if (batch) yield { kind: "batch", batch };
  if (summary) yield { kind: "summary", summary: toSummary(summary) };
}

function toRequest({ connection, sql, parameters = [], maxRows = 0, timeoutMs }: Statement) {
  return {
    connection,
    sql,
    parameters: parameters.map(toValue),
    maxRows: BigInt(maxRows),
    ...(timeoutMs === undefined ? {} : { timeout: toDuration(timeoutMs) }),
  };
}

function toValue(parameter: Parameter): MessageInitShape<typeof ValueSchema> {
  if (parameter === null) return {};
  if (typeof parameter === "boolean") return { kind: { case: "boolValue", value: parameter } };
  if (typeof parameter === "bigint") return { kind: { case: "intValue", value: parameter } };
  if (typeof parameter === "number") return { kind: { case: "doubleValue", value: parameter } };
  if (typeof parameter === "string") return { kind: { case: "textValue", value: parameter } };
  return { kind: { case: "bytesValue", value: parameter as Uint8Array<ArrayBuffer> } };
}

function toSummary(wire: WireSummary): Summary {
  return {
    rowCount: wire.rowCount,
    commandTag: wire.commandTag,
    truncated: truncations[wire.truncation],
    role: wire.role,
    timings: toTimings(wire.timings),
  };
}

export function toTimings(wire: WireTimings | undefined): Timings {
  return {
    lookup: toMilliseconds(wire?.lookup),
    acquire: toMilliseconds(wire?.acquire),
    firstRow: toMilliseconds(wire?.firstRow),
    total: toMilliseconds(wire?.total),
  };
}

const truncations = {
  [Truncation.UNSPECIFIED]: null,
  [Truncation.ROW_LIMIT]: "rows",
  [Truncation.BYTE_LIMIT]: "bytes",
} as const;
