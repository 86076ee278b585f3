import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type {
  ForwardResponseSchema,
  QueryResponseSchema,
} from "../gen/postern/proxy/v1/proxy_pb.js";

export type ResultMessage = MessageInitShape<typeof QueryResponseSchema>;
export type AnswerMessage = MessageInitShape<typeof ForwardResponseSchema>;

type Columns<F extends "header" | "batch"> = NonNullable<NonNullable<ResultMessage[F]>["columns"]>;

export function header(columns: Columns<"header">): ResultMessage {
  return { header: { columns } };
}

export function batch(rowCount: number, columns: Columns<"batch">): ResultMessage {
  return { batch: { rowCount, columns } };
}

export function summary(rowCount: number, truncation = 0, role = "reader"): ResultMessage {
  const commandTag = `SELECT ${rowCount}`;
  return { summary: { rowCount: BigInt(rowCount), commandTag, truncation, role } };
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
