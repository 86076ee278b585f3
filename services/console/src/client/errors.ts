import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb";
import { SqlErrorSchema } from "./gen/postern/proxy/v1/proxy_pb";

const DOMAIN = "postern";

/** What a tenant's Postgres said about a statement. Empty texts mean that it said nothing. */
export interface SqlProblem {
  sqlstate: string;
  message: string;
  detail: string;
  hint: string;
  /** Character (not UTF-16 unit) of the statement, from 1; 0 if unknown. */
  position: number;
}

/** Any failure of a call, in the one shape the rest of the console knows. */
export class PosternError extends Error {
  override readonly name = "PosternError";
  readonly code: Code;
  /** A reason of Postern's own, such as VERSION_STALE; absent if the failure is not Postern's. */
  readonly reason: string | undefined;
  /** What the person can do about it. */
  readonly hint: string | undefined;
  /** The request field at fault, as its last name: "host", not "postgres.host". */
  readonly field: string | undefined;
  readonly sql: SqlProblem | undefined;

  constructor(code: Code, message: string, details: Partial<PosternDetails> = {}) {
    super(message);
    this.code = code;
    this.reason = details.reason;
    this.hint = details.hint;
    this.field = details.field;
    this.sql = details.sql;
  }

  get cancelled(): boolean {
    return this.code === Code.Canceled;
  }
}

interface PosternDetails {
  reason: string | undefined;
  hint: string | undefined;
  field: string | undefined;
  sql: SqlProblem | undefined;
}

/** Decodes whatever a call threw. */
export function toPosternError(thrown: unknown): PosternError {
  if (thrown instanceof PosternError) return thrown;
  const status = ConnectError.from(thrown, Code.Unknown);
  const info = status.findDetails(ErrorInfoSchema).find((detail) => detail.domain === DOMAIN);
  const sql = status.findDetails(SqlErrorSchema)[0];
  return new PosternError(
    networkFailure(thrown) ? Code.Unavailable : status.code,
    status.rawMessage,
    {
      reason: info?.reason,
      hint: info?.metadata.hint,
      field: info?.metadata.field?.split(".").at(-1),
      sql: sql && pick(sql),
    },
  );
}

function pick({ sqlstate, message, detail, hint, position }: SqlProblem): SqlProblem {
  return { sqlstate, message, detail, hint, position };
}

/** `fetch` reports an unreachable server as a TypeError, which Connect passes on as Unknown. */
function networkFailure(thrown: unknown): boolean {
  const cause = thrown instanceof ConnectError ? thrown.cause : thrown;
  return cause instanceof TypeError;
}
