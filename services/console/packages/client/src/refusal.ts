import { Code } from "@connectrpc/connect";
import type { PosternError } from "./errors.js";

/**
 * An error of Postern itself as the response that supabase-js understands, so that its `{ error }` holds reason,
 * message and hint. The header `x-postern-error` tells it from an answer of the project.
 */
export function refusalOf(error: PosternError): Response {
  const code = error.reason ?? codeName(error.code);
  const body = {
    code,
    message: error.message,
    details: error.requestId === undefined ? null : `Postern request ${error.requestId}`,
    hint: error.hint ?? null,
  };
  const headers = new Headers({ "content-type": "application/json", "x-postern-error": code });
  if (error.retryAfter !== undefined) {
    headers.set("retry-after", String(Math.ceil(error.retryAfter / 1000)));
  }
  return new Response(JSON.stringify(body), { status: statusOf(error), headers });
}

function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
}

function statusOf({ reason, code }: PosternError): number {
  return (reason === undefined ? undefined : REASONS[reason]) ?? CODES[code] ?? 500;
}

/** Reasons whose status differs from that of their code. */
const REASONS: Readonly<Record<string, number>> = {
  // As PostgREST answers a write in a read-only transaction.
  READ_ONLY: 405,
  SERVICE_DISABLED: 403,
  BODY_TOO_LARGE: 413,
  // The project, not Postern, is the problem.
  ADDRESS_REFUSED: 502,
  TENANT_TLS_FAILED: 502,
  TENANT_UNREACHABLE: 502,
  TENANT_PROTOCOL: 502,
  RESPONSE_TOO_LARGE: 502,
};

const CODES: Readonly<Partial<Record<Code, number>>> = {
  [Code.InvalidArgument]: 400,
  [Code.FailedPrecondition]: 400,
  [Code.OutOfRange]: 400,
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.NotFound]: 404,
  [Code.Aborted]: 409,
  [Code.AlreadyExists]: 409,
  [Code.ResourceExhausted]: 429,
  [Code.Unimplemented]: 501,
  [Code.DataLoss]: 502,
  [Code.Unavailable]: 503,
  [Code.DeadlineExceeded]: 504,
};
