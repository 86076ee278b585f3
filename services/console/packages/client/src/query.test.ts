import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  Encoding,
  ProxyService,
  type QueryRequest,
  Truncation,
} from "./gen/postern/proxy/v1/proxy_pb.js";
import { type ResultPart, runQuery, type Statement } from "./query.js";
import { batch, header, type ResultMessage, refusal, summary } from "./testing/messages.js";

type Handler = (request: QueryRequest) => AsyncIterable<ResultMessage>;

async function collect(
  handler: Handler,
  statement: Partial<Statement> = {},
): Promise<ResultPart[]> {
  const transport = createRouterTransport((router) =>
    router.service(ProxyService, { query: handler }),
  );
  const client = createClient(ProxyService, transport);
  const parts: ResultPart[] = [];
  for await (const part of runQuery(client, {
    connection: "demo",
    sql: "select 1",
    ...statement,
  })) {
    parts.push(part);
  }
  return parts;
}

const columns = [{ name: "n", typeName: "int8", encoding: Encoding.INT }];

describe("query", () => {
  it("yields header, batches and summary", async () => {
    const parts = await collect(async function* () {
      yield header(columns);
      yield batch(1, [{ ints: [1n] }]);
      yield batch(1, [{ ints: [2n] }]);
      yield summary(2, Truncation.ROW_LIMIT, "reader");
    });
    expect(parts.map(({ kind }) => kind)).toEqual(["header", "batch", "batch", "summary"]);
    expect(parts.at(-1)).toMatchObject({
      summary: { truncated: "rows", role: "reader", rowCount: 2n },
    });
  });

  it("takes header, rows and summary from one message", async () => {
    const parts = await collect(async function* () {
      const message: ResultMessage = {};
      yield Object.assign(message, header(columns), batch(1, [{ ints: [1n] }]), summary(1));
    });
    expect(parts.map(({ kind }) => kind)).toEqual(["header", "batch", "summary"]);
  });

  it("fails at a message with nothing in it", async () => {
    const empty = collect(async function* () {
      yield header(columns);
      yield {};
      yield summary(0);
    });
    await expect(empty).rejects.toMatchObject({ code: Code.Internal });
  });

  it("sends each parameter with its own type", async () => {
    let sent: QueryRequest | undefined;
    await collect(
      async function* (request) {
        sent = request;
        yield header([]);
        yield summary(0);
      },
      { parameters: [true, 9_007_199_254_740_993n, 0.5, "x", null], maxRows: 7, timeoutMs: 1500 },
    );
    expect(sent?.parameters.map(({ kind }) => [kind.case, kind.value])).toEqual([
      ["boolValue", true],
      ["intValue", 9_007_199_254_740_993n],
      ["doubleValue", 0.5],
      ["textValue", "x"],
      [undefined, undefined],
    ]);
    expect(sent?.maxRows).toBe(7n);
    expect(sent?.timeout).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  });

  it("fails when the stream ends without a summary", async () => {
    const early = collect(async function* () {
      yield header(columns);
      yield batch(1, [{ ints: [1n] }]);
    });
    await expect(early).rejects.toMatchObject({ code: Code.DataLoss });
  });

  it("fails when parts arrive out of order", async () => {
    const disordered = collect(async function* () {
      yield batch(1, [{ ints: [1n] }]);
      yield header(columns);
      yield summary(1);
    });
    await expect(disordered).rejects.toMatchObject({ code: Code.Internal });

    const repeated = collect(async function* () {
      yield header(columns);
      yield header(columns);
      yield summary(0);
    });
    await expect(repeated).rejects.toMatchObject({ code: Code.Internal });
  });

  it("decodes a failure that follows some rows", async () => {
    const failing = collect(async function* () {
      yield header(columns);
      throw refusal(Code.DeadlineExceeded, "QUERY_TIMEOUT", "the statement ran for 30 s");
    });
    await expect(failing).rejects.toMatchObject({ reason: "QUERY_TIMEOUT" });
  });
});
