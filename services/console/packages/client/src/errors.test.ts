import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { toPosternError } from "./errors.js";
import { ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { SqlErrorSchema } from "./gen/postern/proxy/v1/proxy_pb.js";

describe("toPosternError", () => {
  it("reads reason, hint and field from ErrorInfo", () => {
    const error = toPosternError(
      new ConnectError("port is out of range", Code.InvalidArgument, undefined, [
        {
          desc: ErrorInfoSchema,
          value: {
            reason: "INVALID_FIELD",
            domain: "postern",
            metadata: { hint: "Use 5432.", field: "postgres.port" },
          },
        },
      ]),
    );
    expect(error).toMatchObject({
      code: Code.InvalidArgument,
      message: "port is out of range",
      reason: "INVALID_FIELD",
      hint: "Use 5432.",
      field: "port",
      sql: undefined,
    });
  });

  it("ignores the reason of another domain", () => {
    const detail = {
      desc: ErrorInfoSchema,
      value: { reason: "VERSION_STALE", domain: "googleapis.com" },
    };
    const error = toPosternError(new ConnectError("no", Code.Aborted, undefined, [detail]));
    expect(error.reason).toBeUndefined();
    expect(error.code).toBe(Code.Aborted);
  });

  it("carries the database's error", () => {
    const value = {
      sqlstate: "42P01",
      message: 'relation "nope" does not exist',
      detail: "",
      hint: "Perhaps you meant the table.",
      position: 15,
    };
    const thrown = new ConnectError("SQL error", Code.InvalidArgument, undefined, [
      { desc: SqlErrorSchema, value },
    ]);
    expect(toPosternError(thrown).sql).toEqual(value);
  });

  it("reads the retry delay from RetryInfo, in milliseconds", () => {
    const detail = {
      desc: RetryInfoSchema,
      value: { retryDelay: { seconds: 2n, nanos: 500_000_000 } },
    };
    const busy = new ConnectError("busy", Code.ResourceExhausted, undefined, [detail]);
    expect(toPosternError(busy).retryAfter).toBe(2500);
    expect(toPosternError(new ConnectError("busy")).retryAfter).toBeUndefined();
  });

  it("reads the request ID from the response headers", () => {
    const failed = new ConnectError("failed", Code.Internal, { "x-request-id": "4f1c" });
    expect(toPosternError(failed).requestId).toBe("4f1c");
    expect(toPosternError(new ConnectError("failed")).requestId).toBeUndefined();
  });

  it("reports a network failure as unavailable, and a bug as unknown", () => {
    const thrown = ConnectError.from(new TypeError("Failed to fetch"));
    expect(toPosternError(thrown).code).toBe(Code.Unavailable);
    expect(toPosternError(new Error("bug")).code).toBe(Code.Unknown);
  });

  it("returns a PosternError unchanged", () => {
    const once = toPosternError(new ConnectError("gone", Code.NotFound));
    expect(toPosternError(once)).toBe(once);
  });
});
