import { Code, ConnectError } from "@connectrpc/connect";
import { toMilliseconds } from "./duration.js";
import { ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { SqlErrorSchema } from "./gen/postern/proxy/v1/proxy_pb.js";

const DOMAIN = "postern";

/** The response header with the ID that the services log for the request. */
const REQUEST_ID = "x-request-id";

/** A tenant's Postgres error. Fields that Postgres did not send are empty. */
export interface SqlProblem {
  sqlstate: string;
  message: string;
  detail: string;
  hint: string;
  /** Position in the statement in characters (not UTF-16 units), from 1; 0 if unknown. */
  position: number;
}

/** The only error that the client's calls throw. */
export class PosternError extends Error {
  override readonly name = "PosternError";
  readonly code: Code;
  /** Postern's reason, such as VERSION_STALE; undefined if the error did not come from Postern. */
  readonly reason: string | undefined;
  /** What the user can do about it. */
  readonly hint: string | undefined;
  /** The last segment of the invalid request field: "host" for "postgres.host". */
  readonly field: string | undefined;
  readonly sql: SqlProblem | undefined;
  /** How long to wait before a retry, in milliseconds; undefined if the server did not say. */
  readonly retryAfter: number | undefined;
  /** Identifies the request in the services' logs; undefined if no response arrived. */
  readonly requestId: string | undefined;

  constructor(code: Code, message: string, details: Partial<PosternDetails> = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.reason = details.reason;
    this.hint = details.hint;
    this.field = details.field;
    this.sql = details.sql;
    this.retryAfter = details.retryAfter;
    this.requestId = details.requestId;
  }

  /** Whether the caller cancelled the call. */
  get cancelled(): boolean {
    return this.code === Code.Canceled;
  }

  /** Whether Postern could not be reached: `fetch` failed, and its error is the cause. */
  get networkFailure(): boolean {
    return this.cause instanceof TypeError;
  }
}

interface PosternDetails {
  reason: string | undefined;
  hint: string | undefined;
  field: string | undefined;
  sql: SqlProblem | undefined;
  retryAfter: number | undefined;
  requestId: string | undefined;
  cause: unknown;
}

/** Converts anything thrown by a call. */
export function toPosternError(thrown: unknown): PosternError {
  if (thrown instanceof PosternError) return thrown;
  const status = ConnectError.from(thrown, Code.Unknown);
  const info = status.findDetails(ErrorInfoSchema).find((detail) => detail.domain === DOMAIN);
  const sql = status.findDetails(SqlErrorSchema)[0];
  const retry = status.findDetails(RetryInfoSchema)[0];
  const cause = thrown instanceof ConnectError ? thrown.cause : thrown;
  // `fetch` reports an unreachable server as a TypeError, which Connect wraps as Unknown.
  const code = cause instanceof TypeError ? Code.Unavailable : status.code;
  return new PosternError(code, status.rawMessage, {
    reason: info?.reason,
    hint: info?.metadata.hint,
    field: info?.metadata.field?.split(".").at(-1),
    sql: sql && pick(sql),
    retryAfter: toMilliseconds(retry?.retryDelay),
    requestId: status.metadata.get(REQUEST_ID) ?? undefined,
    cause,
  });
}

/** Converts what a unary call throws. */
export async function withPosternError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw toPosternError(thrown);
  }
}

function pick({ sqlstate, message, detail, hint, position }: SqlProblem): SqlProblem {
  return { sqlstate, message, detail, hint, position };
}
