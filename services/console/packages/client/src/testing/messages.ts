import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type {
  ForwardResponseSchema,
  QueryResponseSchema,
} from "../gen/postern/proxy/v1/proxy_pb.js";

export type ResultMessage = MessageInitShape<typeof QueryResponseSchema>;
export type AnswerMessage = MessageInitShape<typeof ForwardResponseSchema>;

type Fields<M, C> = Extract<NonNullable<M>, { case: C; value: object }>["value"];

export function header(
  columns: NonNullable<Fields<ResultMessage["part"], "header">["columns"]>,
): ResultMessage {
  return { part: { case: "header", value: { columns } } };
}

export function batch(
  rowCount: number,
  columns: NonNullable<Fields<ResultMessage["part"], "batch">["columns"]>,
): ResultMessage {
  return { part: { case: "batch", value: { rowCount, columns } } };
}

export function summary(rowCount: number, truncation = 0, role = "reader"): ResultMessage {
  const value = { rowCount: BigInt(rowCount), commandTag: `SELECT ${rowCount}`, truncation, role };
  return { part: { case: "summary", value } };
}

export function head(status: number, headers: Record<string, string> = {}): AnswerMessage {
  const list = Object.entries(headers).map(([name, value]) => ({ name, value }));
  return { part: { case: "head", value: { status, headers: list } } };
}

export function body(text: string | Uint8Array<ArrayBuffer>): AnswerMessage {
  const value = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return { part: { case: "body", value } };
}

export function answered(hint = ""): AnswerMessage {
  return { part: { case: "summary", value: { byteCount: 0n, hint } } };
}

export function refusal(
  code: Code,
  reason: string,
  message: string,
  metadata: Record<string, string> = {},
): ConnectError {
  const value = { reason, domain: "postern", metadata };
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

/** Never returns; fails when the caller cancels, like a long-running statement. */
export async function untilCancelled({ signal }: HandlerContext): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new ConnectError("cancelled", Code.Canceled));
    if (signal.aborted) fail();
    signal.addEventListener("abort", fail);
  });
}
