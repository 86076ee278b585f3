import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { toPosternError } from "./errors";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb";
import { SqlErrorSchema } from "./gen/postern/proxy/v1/proxy_pb";

describe("toPosternError", () => {
  it("reads reason, hint and field out of ErrorInfo", () => {
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

  it("does not take another domain's reason for its own", () => {
    const detail = {
      desc: ErrorInfoSchema,
      value: { reason: "VERSION_STALE", domain: "googleapis.com" },
    };
    const error = toPosternError(new ConnectError("no", Code.Aborted, undefined, [detail]));
    expect(error.reason).toBeUndefined();
    expect(error.code).toBe(Code.Aborted);
  });

  it("carries the database's own words about a statement", () => {
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

  it("tells an unreachable server from a fault of ours", () => {
    const thrown = ConnectError.from(new TypeError("Failed to fetch"));
    expect(toPosternError(thrown).code).toBe(Code.Unavailable);
    expect(toPosternError(new Error("bug")).code).toBe(Code.Unknown);
  });

  it("leaves a decoded error as it is", () => {
    const once = toPosternError(new ConnectError("gone", Code.NotFound));
    expect(toPosternError(once)).toBe(once);
  });
});
