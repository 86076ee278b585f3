import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code } from "@connectrpc/connect";
import { toDuration, toMilliseconds } from "./duration";
import { PosternError, toPosternError } from "./errors";
import {
  type Batch,
  type Column,
  type ProxyService,
  type QueryResponse,
  Truncation,
  type ValueSchema,
  type Summary as WireSummary,
} from "./gen/postern/proxy/v1/proxy_pb";
import type { Cell } from "./rows";

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
  /** Milliseconds, measured by proxy-service; undefined if not reported. */
  timings: { [K in "lookup" | "acquire" | "firstRow" | "total"]: number | undefined };
}

/** Runs one statement. Aborting the signal also cancels it on the tenant's server. */
export async function* query(
  client: Client<typeof ProxyService>,
  statement: Statement,
  signal?: AbortSignal,
): AsyncGenerator<ResultPart, void, undefined> {
  let last: ResultPart["kind"] | null = null;
  try {
    for await (const { part } of client.query(toRequest(statement), signal ? { signal } : {})) {
      const next = toPart(part);
      if (!(next && follows(last, next.kind))) {
        throw new PosternError(Code.Internal, `unexpected ${part.case ?? "unknown"} part`);
      }
      last = next.kind;
      yield next;
    }
  } catch (thrown) {
    throw toPosternError(thrown);
  }
  // Without a summary the stream was cut short, so the result must not look complete.
  if (last !== "summary") throw new PosternError(Code.DataLoss, "the result ended early");
}

function toPart(part: QueryResponse["part"]): ResultPart | null {
  switch (part.case) {
    case "header":
      return { kind: "header", columns: part.value.columns };
    case "batch":
      return { kind: "batch", batch: part.value };
    case "summary":
      return { kind: "summary", summary: toSummary(part.value) };
    default:
      return null;
  }
}

function follows(last: ResultPart["kind"] | null, next: ResultPart["kind"]): boolean {
  return next === "header" ? last === null : last === "header" || last === "batch";
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
    timings: {
      lookup: toMilliseconds(wire.timings?.lookup),
      acquire: toMilliseconds(wire.timings?.acquire),
      firstRow: toMilliseconds(wire.timings?.firstRow),
      total: toMilliseconds(wire.timings?.total),
    },
  };
}

const truncations = {
  [Truncation.UNSPECIFIED]: null,
  [Truncation.ROW_LIMIT]: "rows",
  [Truncation.BYTE_LIMIT]: "bytes",
} as const;
