import { createRouterTransport } from "@connectrpc/connect";
import { expect, expectTypeOf, it } from "vitest";
import { Code, createPosternClient, PosternError } from "./index.js";
import {
  ConnectionService,
  Encoding,
  ProxyService,
  type QueryRequest,
  SupabaseKeySort,
  Truncation,
  type UpsertConnectionRequest,
} from "./protocol.js";
import { batch, header, summary, untilCancelled } from "./testing/messages.js";

const columns = [
  { name: "id", typeName: "int8", encoding: Encoding.INT },
  { name: "total", typeName: "numeric", encoding: Encoding.TEXT },
];

function shop() {
  const queries: QueryRequest[] = [];
  const transport = createRouterTransport((router) =>
    router.service(ProxyService, {
      async *query(request) {
        queries.push(request);
        yield header(columns);
        yield batch(2, [{ ints: [1n, 9_007_199_254_740_993n] }, { texts: ["0.10", "2.50"] }]);
        yield batch(1, [{ ints: [3n] }, { texts: [""], nulls: new Uint8Array([1]) }]);
        yield summary(3, Truncation.ROW_LIMIT);
      },
    }),
  );
  return { postern: createPosternClient({ transport }), queries };
}

type Order = { id: bigint; total: string | null };
const ORDERS: Order[] = [
  { id: 1n, total: "0.10" },
  { id: 9_007_199_254_740_993n, total: "2.50" },
  { id: 3n, total: null },
];

it("yields typed rows, exact and in order", async () => {
  const { postern, queries } = shop();
  const rows: Order[] = [];
  const query = postern.query<Order>("main", "select id, total from orders where id < $1", [9n]);
  for await (const row of query) {
    expectTypeOf(row.id).toEqualTypeOf<bigint>();
    rows.push(row);
  }
  expect(rows).toEqual(ORDERS);
  expect(query.columns?.map(({ name }) => name)).toEqual(["id", "total"]);
  expect(query.summary?.truncated).toBe("rows");
  expect(queries[0]).toMatchObject({ connection: "main", maxRows: 0n });
  expect(queries[0]?.parameters[0]?.kind).toEqual({ case: "intValue", value: 9n });
});

it("collects all rows with columns and summary", async () => {
  const { postern, queries } = shop();
  const result = await postern.query<Order>("main", "…", [], { maxRows: 3, timeoutMs: 10 }).all();
  expect(result.rows).toEqual(ORDERS);
  expect(result.columns).toHaveLength(2);
  expect(result.summary).toMatchObject({ rowCount: 3n, truncated: "rows" });
  expect(queries[0]).toMatchObject({ maxRows: 3n, timeout: { nanos: 10_000_000 } });
});

it("asks for one row to return the first", async () => {
  const { postern, queries } = shop();
  expect(await postern.query<Order>("main", "…").first()).toEqual(ORDERS[0]);
  expect(queries[0]?.maxRows).toBe(1n);
});

it("returns undefined for the first of no rows", async () => {
  const transport = createRouterTransport((router) =>
    router.service(ProxyService, {
      async *query() {
        yield header(columns);
        yield summary(0);
      },
    }),
  );
  expect(await createPosternClient({ transport }).query("main", "…").first()).toBeUndefined();
});

it("keeps a column named __proto__ a column", async () => {
  const transport = createRouterTransport((router) =>
    router.service(ProxyService, {
      async *query() {
        yield header([{ name: "__proto__", typeName: "text", encoding: Encoding.TEXT }]);
        yield batch(1, [{ texts: ["x"] }]);
        yield summary(1);
      },
    }),
  );
  const row = await createPosternClient({ transport }).query("main", "…").first();
  expect(Object.entries(row ?? {})).toEqual([["__proto__", "x"]]);
});

it("reads a query once", async () => {
  const query = shop().postern.query("main", "…");
  await query.all();
  await expect(query.all()).rejects.toThrow("can be read once");
});

/** A query that never ends, and whether the server was told to stop it. */
function endless() {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const transport = createRouterTransport((router) =>
    router.service(ProxyService, {
      async *query(_request, context) {
        context.signal.addEventListener("abort", stop);
        yield header(columns);
        yield batch(1, [{ ints: [1n] }, { texts: ["1"] }]);
        yield await untilCancelled(context);
      },
    }),
  );
  return { postern: createPosternClient({ transport }), stopped };
}

it("cancels the statement when the loop is left", async () => {
  const { postern, stopped } = endless();
  for await (const _row of postern.query("main", "…")) break;
  await stopped;
});

it("cancels the statement when the signal aborts, whatever the reason", async () => {
  const { postern, stopped } = endless();
  const abort = new AbortController();
  const rows = postern.query("main", "…", [], { signal: abort.signal })[Symbol.asyncIterator]();
  await rows.next();
  const next = rows.next();
  const reason = new Error("navigated away");
  abort.abort(reason);
  const error = await next.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PosternError);
  expect(error).toMatchObject({ code: Code.Canceled, cancelled: true, cause: reason });
  await stopped;
});

it("closes the connection to Postern when the loop is left", async () => {
  const signals: AbortSignal[] = [];
  const postern = createPosternClient({
    baseUrl: "http://postern.invalid",
    token: () => "token",
    fetch: async (_input, init) => {
      if (init?.signal) signals.push(init.signal);
      return endlessGrpcWeb();
    },
  });
  for await (const part of postern.query("main", "…").parts()) {
    expect(part.kind).toBe("header");
    break;
  }
  expect(signals[0]?.aborted).toBe(true);
});

/** One empty header as a gRPC-web message (a flag byte, a 32-bit length, the message), then silence. */
function endlessGrpcWeb(): Response {
  const message = new Uint8Array([0, 0, 0, 0, 2, 0x0a, 0x00]);
  const stream = new ReadableStream({ start: (controller) => controller.enqueue(message) });
  return new Response(stream, { headers: { "content-type": "application/grpc-web+proto" } });
}

function saving() {
  const saved: UpsertConnectionRequest[] = [];
  const transport = createRouterTransport((router) =>
    router.service(ConnectionService, {
      upsertConnection(request) {
        saved.push(request);
        return { connection: { name: request.name, version: 1n } };
      },
      getConnection: ({ name }) => ({
        connection: {
          name,
          secrets: [{ keySort: SupabaseKeySort.SECRET, lastCharacters: "3f2a" }],
        },
      }),
    }),
  );
  return { connections: createPosternClient({ transport }).connections, saved };
}

it("saves a Supabase project, and sends only the keys that change", async () => {
  const { connections, saved } = saving();
  const supabase = { url: "https://abc.supabase.co" };
  await connections.save({ name: "shop", supabase, publishableKey: "sb_publishable_x" });
  await connections.save({ name: "shop", supabase, secretKey: "", expectedVersion: 0n });
  expect(saved[0]).toMatchObject({
    name: "shop",
    publishableKey: "sb_publishable_x",
    endpoint: { case: "supabase", value: supabase },
  });
  expect(saved[0]?.secretKey).toBeUndefined();
  expect(saved[0]?.expectedVersion).toBeUndefined();
  expect(saved[1]).toMatchObject({ secretKey: "", expectedVersion: 0n });
  expect(saved[1]?.publishableKey).toBeUndefined();
});

it("saves a Postgres database from its fields or from a DSN", async () => {
  const { connections, saved } = saving();
  await connections.save({ name: "a", postgres: { host: "db", user: "u" }, password: "p" });
  await connections.save({ name: "b", postgresDsn: "postgres://u:p@db" });
  expect(saved[0]).toMatchObject({ password: "p", endpoint: { case: "postgres" } });
  expect(saved[1]?.password).toBeUndefined();
  expect(saved[1]?.endpoint).toEqual({ case: "postgresDsn", value: "postgres://u:p@db" });
});

it("gets a connection with its secrets described, not revealed", async () => {
  const { secrets } = await saving().connections.get("shop");
  expect(secrets[0]).toMatchObject({ keySort: SupabaseKeySort.SECRET, lastCharacters: "3f2a" });
});
