import { FunctionRegion, type SupabaseClient } from "@supabase/supabase-js";

/** What a call has. */
export interface Scene {
  // biome-ignore lint/suspicious/noExplicitAny: there are no generated types for the shop's database.
  client: SupabaseClient<any, any, any>;
  url: string;
  key: string;
  fetch: typeof fetch;
}

/** One row of the table. */
export interface Case {
  group: "rest" | "storage" | "functions" | "auth" | "keys" | "ping" | "schema";
  name: string;
  call: (scene: Scene) => Promise<unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: see above.
type Client = SupabaseClient<any, any, any>;

function rest(name: string, call: (client: Client) => PromiseLike<unknown>): Case {
  return { group: "rest", name, call: async ({ client }) => call(client) };
}

const selects: Case[] = [
  rest("select all", (c) => c.from("customers").select().order("id")),
  rest("select columns", (c) =>
    c.from("customers").select("id, who:name, email::text").order("id"),
  ),
  rest("select nothing", (c) => c.from("customers").select().eq("id", 999)),
  rest("embed many", (c) => c.from("customers").select("name, orders(id, total)").order("id")),
  rest("embed one", (c) => c.from("orders").select("id, customer:customers(name)").order("id")),
  rest("embed nested", (c) =>
    c.from("customers").select("id, orders(id, items(product, quantity))").order("id"),
  ),
  rest("embed inner", (c) =>
    c.from("orders").select("id, items!inner(product)").eq("items.product", "Oil").order("id"),
  ),
  rest("embed by key", (c) =>
    c.from("orders").select("id, customers!orders_customer_id_fkey(email)").order("id"),
  ),
  rest("embed ordered and limited", (c) =>
    c
      .from("customers")
      .select("id, orders(id)")
      .order("id")
      .order("id", { referencedTable: "orders", ascending: false })
      .limit(1, { referencedTable: "orders" }),
  ),
  rest("embed spread", (c) => c.from("orders").select("id, ...customers(name)").order("id")),
  rest("json path", (c) => c.from("orders").select("id, card:details->gift->>card").order("id")),
  rest("view", (c) => c.from("spending").select().order("customer_id")),
  rest("encoded names", (c) => c.from("order notes").select('"the text"').eq("id", 1)),
  rest("nulls stripped", (c) => c.from("customers").select().order("id").stripNulls()),
  rest("csv", (c) => c.from("orders").select("id, total, note").order("id").csv()),
  rest("large", (c) => c.from("events").select("id").order("id")),
];

const filters: Case[] = [
  rest("eq", (c) => c.from("orders").select("id").eq("status", "open").order("id")),
  rest("neq", (c) => c.from("orders").select("id").neq("status", "open").order("id")),
  rest("gt and lte", (c) =>
    c.from("orders").select("id").gt("total", 1).lte("total", 99.99).order("id"),
  ),
  rest("like", (c) => c.from("customers").select("id").like("name", "A%").order("id")),
  rest("ilike", (c) => c.from("customers").select("id").ilike("name", "%CHEN%").order("id")),
  rest("is null", (c) => c.from("customers").select("id").is("city", null).order("id")),
  rest("in", (c) => c.from("orders").select("id").in("status", ["open", "sent"]).order("id")),
  rest("in with reserved characters", (c) =>
    c.from("customers").select("id").in("name", ["Björk, née B (ß) 50%", "Ada"]).order("id"),
  ),
  rest("in with many values", (c) =>
    c
      .from("events")
      .select("id")
      .in(
        "id",
        Array.from({ length: 300 }, (_, i) => i * 2),
      )
      .order("id"),
  ),
  rest("contains", (c) => c.from("orders").select("id").contains("tags", ["gift"]).order("id")),
  rest("contained by", (c) =>
    c.from("orders").select("id").containedBy("tags", ["gift", "new"]).order("id"),
  ),
  rest("overlaps", (c) =>
    c.from("orders").select("id").overlaps("tags", ["bulk", "new"]).order("id"),
  ),
  rest("json contains", (c) =>
    c.from("orders").select("id").contains("details", { weight: 7 }).order("id"),
  ),
  rest("json arrow", (c) => c.from("orders").select("id").eq("details->>weight", "3")),
  rest("text search", (c) =>
    c.from("customers").select("id").textSearch("about", "'engine' & 'sea'").order("id"),
  ),
  rest("text search, web style", (c) =>
    c
      .from("customers")
      .select("id")
      .textSearch("about", "notes engines", { type: "websearch", config: "english" }),
  ),
  rest("or", (c) =>
    c.from("orders").select("id").or("status.eq.sent,and(total.gt.50,total.lt.100)").order("id"),
  ),
  rest("or on an embedded table", (c) =>
    c
      .from("orders")
      .select("id, items(line)")
      .or("quantity.gt.4,line.eq.9", { referencedTable: "items" })
      .order("id"),
  ),
  rest("not", (c) => c.from("orders").select("id").not("status", "in", "(open,paid)")),
  rest("match", (c) => c.from("orders").select("id").match({ status: "open", customer_id: 1 })),
  rest("filter", (c) =>
    c.from("orders").select("id").filter("placed_on", "gte", "2026-03-01").order("id"),
  ),
  rest("special characters", (c) => c.from("orders").select("id").eq("note", "a+b=c & more")),
  rest("slashes", (c) => c.from("orders").select("id").eq("note", "slash/and\\backslash")),
  rest("order, nulls first", (c) =>
    c.from("customers").select("id").order("city", { nullsFirst: true }).order("id"),
  ),
  rest("order, descending", (c) =>
    c.from("orders").select("id").order("total", { ascending: false }),
  ),
];

const ranges: Case[] = [
  rest("limit", (c) => c.from("events").select("id").order("id").limit(3)),
  rest("range", (c) => c.from("events").select("id").order("id").range(10, 12)),
  rest("range with exact count", (c) =>
    c.from("events").select("id", { count: "exact" }).order("id").range(10, 12),
  ),
  rest("planned count", (c) =>
    c.from("events").select("id", { count: "planned" }).order("id").limit(2),
  ),
  rest("estimated count", (c) =>
    c.from("events").select("id", { count: "estimated" }).order("id").limit(2),
  ),
  rest("head", (c) => c.from("events").select("*", { count: "exact", head: true })),
  rest("head with a filter", (c) =>
    c.from("events").select("*", { count: "exact", head: true }).eq("kind", "click"),
  ),
  rest("range beyond the end", (c) =>
    c.from("events").select("id", { count: "exact" }).range(5000, 5010),
  ),
  rest("range over limit", (c) => c.from("events").select("id").order("id").range(0, 1499)),
  rest("single hit", (c) => c.from("orders").select("id, total").eq("id", 10).single()),
  rest("single none", (c) => c.from("orders").select().eq("id", 999).single()),
  rest("single many", (c) => c.from("orders").select().single()),
  rest("maybeSingle hit", (c) => c.from("orders").select("id").eq("id", 10).maybeSingle()),
  rest("maybeSingle none", (c) => c.from("orders").select("id").eq("id", 999).maybeSingle()),
  rest("maybeSingle many", (c) => c.from("orders").select("id").maybeSingle()),
];

const writes: Case[] = [
  rest("insert minimal", (c) => c.from("drafts").insert({ title: "Minimal" })),
  rest("insert representation", (c) =>
    c.from("drafts").insert({ title: "Shown", stars: 4 }).select(),
  ),
  rest("insert single", (c) =>
    c.from("drafts").insert({ title: "Single" }).select("id, title").single(),
  ),
  rest("insert counted", (c) => c.from("drafts").insert({ title: "Counted" }, { count: "exact" })),
  rest("bulk insert", (c) =>
    c
      .from("drafts")
      .insert([
        { title: "A", stars: 1 },
        { title: "B", stars: 2 },
      ])
      .select("title, body, stars"),
  ),
  rest("bulk insert, missing as default", (c) =>
    c
      .from("drafts")
      .insert([{ title: "C", body: "c" }, { title: "D" }], { defaultToNull: false })
      .select("title, body"),
  ),
  rest("upsert merge", (c) => c.from("drafts").upsert({ id: 1, title: "First again" }).select()),
  rest("upsert ignore", (c) =>
    c.from("drafts").upsert({ id: 1, title: "Ignored" }, { ignoreDuplicates: true }).select(),
  ),
  rest("upsert on a column", (c) =>
    c
      .from("drafts")
      .upsert({ title: "Second", stars: 5 }, { onConflict: "title", count: "exact" })
      .select("title, stars"),
  ),
  rest("update", (c) => c.from("drafts").update({ stars: 0 }).eq("title", "Third")),
  rest("update representation", (c) =>
    c.from("drafts").update({ body: "ünï" }).eq("title", "Third").select("title, body"),
  ),
  rest("update nothing", (c) => c.from("drafts").update({ stars: 1 }).eq("id", 999).select()),
  rest("update at most", (c) => {
    const update = c.from("drafts").update({ stars: 1 }).gte("id", 1).select("id");
    // Its type asks for generated types that name PostgREST 13 or newer.
    return update.maxAffected(1) as unknown as PromiseLike<unknown>;
  }),
  rest("update rolled back", (c) =>
    c.from("drafts").update({ stars: 1 }).eq("id", 1).select("id").rollback(),
  ),
  rest("update counted", (c) =>
    c.from("drafts").update({ stars: 3 }, { count: "exact" }).in("title", ["A", "B"]),
  ),
  rest("delete", (c) => c.from("drafts").delete().eq("title", "A")),
  rest("delete representation", (c) =>
    c.from("drafts").delete({ count: "exact" }).eq("title", "B").select("title"),
  ),
  rest("drafts in the end", (c) => c.from("drafts").select("title, body, stars").order("title")),
];

const functionsOfTheDatabase: Case[] = [
  rest("rpc scalar", (c) => c.rpc("add", { a: 2, b: 3 })),
  rest("rpc by GET", (c) => c.rpc("add", { a: 2, b: 3 }, { get: true })),
  rest("rpc by GET with an array", (c) => c.rpc("total_of", { amounts: [1, 2, 3] }, { get: true })),
  rest("rpc by HEAD", (c) => c.rpc("orders_of", { customer: 1 }, { head: true, count: "exact" })),
  rest("rpc without arguments", (c) => c.rpc("role_in_use")),
  rest("rpc table", (c) => c.rpc("orders_of", { customer: 1 })),
  rest("rpc table, filtered", (c) =>
    c
      .rpc("orders_of", { customer: 1 }, { count: "exact", get: true })
      .select("id, status")
      .eq("status", "open"),
  ),
  rest("rpc row", (c) => c.rpc("latest_order").select("id").single()),
  rest("rpc void", (c) => c.rpc("add_star", { draft: 1 })),
  rest("rpc that writes", (c) => c.rpc("rename_draft", { draft: 3, new_title: "Renamed" })),
  rest("rpc that writes, by GET", (c) =>
    c.rpc("rename_draft", { draft: 3, new_title: "No" }, { get: true }),
  ),
  rest("rpc that fails", (c) => c.rpc("out_of_stock", { product: "loom" })),
  rest("rpc that does not exist", (c) => c.rpc("no_such_function", { a: 1 })),
];

const schemas: Case[] = [
  rest("custom schema", (c) => c.schema("warehouse").from("parts").select().order("id")),
  rest("custom schema, write", (c) =>
    c.schema("warehouse").from("parts").insert({ id: 3, name: "gear" }).select(),
  ),
  rest("custom schema, delete", (c) => c.schema("warehouse").from("parts").delete().eq("id", 3)),
  rest("schema that is not exposed", (c) => c.schema("hidden").from("parts").select()),
];

const errors: Case[] = [
  rest("unknown table", (c) => c.from("no_such_table").select()),
  rest("unknown column", (c) => c.from("orders").select("no_such_column")),
  rest("unknown embedding", (c) => c.from("orders").select("id, drafts(id)")),
  rest("bad filter", (c) => c.from("orders").select().filter("id", "nonsense", 1)),
  rest("bad value", (c) => c.from("orders").select().eq("id", "ten")),
  rest("unique violation", (c) => c.from("drafts").insert({ title: "Second" })),
  rest("check violation", (c) => c.from("drafts").insert({ title: "Too many stars", stars: 6 })),
  rest("not null violation", (c) => c.from("drafts").insert({ body: "no title" })),
  rest("permission denied", (c) => c.from("ungranted").select()),
  rest("row level security on read", (c) => c.from("payouts").select().order("id")),
  rest("row level security on write", (c) => c.from("payouts").insert({ id: 3, amount: 1 })),
  rest("write without a grant", (c) => c.from("events").delete().eq("id", 1)),
  rest("thrown error", (c) => c.from("no_such_table").select().throwOnError()),
  rest("abort beforehand", (c) => c.from("orders").select("id").abortSignal(AbortSignal.abort())),
  rest("abort", (c) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 200);
    return c.rpc("slow", { seconds: 20 }).abortSignal(controller.signal);
  }),
  raw("rest", "schema of the API", "/rest/v1/", (key) => ({ headers: withKey(key) })),
  raw("rest", "insert with headers only", "/rest/v1/drafts", (key) => ({
    method: "POST",
    headers: { ...withKey(key), "content-type": "application/json", prefer: "return=headers-only" },
    body: JSON.stringify({ title: "Located" }),
  })),
];

/** How the gateway treats keys: through Postern no caller can send one. */
const keys: Case[] = [
  raw("keys", "no key", "/rest/v1/orders", () => ({})),
  raw("keys", "an unknown key", "/rest/v1/orders", () => ({
    headers: { apikey: "sb_secret_of_another_project" },
  })),
  raw("keys", "something else", "/storage/v1/bucket", () => ({ headers: { apikey: "something" } })),
  raw("keys", "the key of this project", "/rest/v1/orders", (key) => ({
    headers: { apikey: key },
  })),
  raw("keys", "another key as a token", "/rest/v1/orders", (key) => ({
    headers: { apikey: key, authorization: "Bearer sb_secret_of_another_project" },
  })),
  raw("keys", "from a browser", "/rest/v1/orders", (key) => ({
    headers: { ...withKey(key), "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" },
  })),
  raw("keys", "role by the key alone", "/rest/v1/rpc/role_in_use", (key) => ({
    headers: { apikey: key },
  })),
];

/** Of a client whose schema is `warehouse`. */
function warehouse(name: string, call: (client: Client) => PromiseLike<unknown>): Case {
  return { group: "schema", name, call: async ({ client }) => call(client) };
}

const ownSchema: Case[] = [
  warehouse("own schema", (c) => c.from("parts").select().order("id")),
  warehouse("own schema, counted", (c) =>
    c.from("parts").select("*", { count: "exact", head: true }),
  ),
  warehouse("own schema, write", (c) => c.from("parts").insert({ id: 3, name: "gear" }).select()),
  warehouse("own schema, delete", (c) => c.from("parts").delete().eq("id", 3).select()),
  warehouse("own schema, unknown table", (c) => c.from("orders").select()),
  warehouse("own schema, unless the call names another", (c) =>
    c.schema("hidden").from("parts").select(),
  ),
];

const ping: Case[] = [
  {
    group: "ping",
    name: "ping",
    call: async ({ client }) => client.from("orders").select("id").eq("id", 10),
  },
];

function withKey(key: string): Record<string, string> {
  return { apikey: key, authorization: `Bearer ${key}` };
}

function raw(
  group: Case["group"],
  name: string,
  path: string,
  init: (key: string) => RequestInit,
): Case {
  return {
    group,
    name,
    call: async ({ url, key, fetch }) => (await fetch(url + path, init(key))).status,
  };
}

function storage(
  name: string,
  call: (files: ReturnType<Client["storage"]["from"]>, client: Client) => Promise<unknown>,
): Case {
  return {
    group: "storage",
    name,
    call: ({ client }) => call(client.storage.from("files"), client),
  };
}

const objects: Case[] = [
  storage("list buckets", (_, client) => client.storage.listBuckets()),
  storage("upload", (files) =>
    files.upload("notes/a b.txt", new TextEncoder().encode("hello"), {
      contentType: "text/plain",
      metadata: { by: "a test" },
    }),
  ),
  storage("upload again", (files) =>
    files.upload("notes/a b.txt", new TextEncoder().encode("no"), { contentType: "text/plain" }),
  ),
  storage("upload over it", (files) =>
    files.upload("notes/a b.txt", "over", { contentType: "text/plain", upsert: true }),
  ),
  storage("update object", (files) =>
    files.update("notes/a b.txt", new Uint8Array([0, 255, 128]), { contentType: "image/png" }),
  ),
  storage("download", (files) => files.download("notes/a b.txt")),
  storage("download nothing", (files) => files.download("none.txt")),
  storage("list objects", (files) => files.list("notes")),
  storage("sign", (files) =>
    files.createSignedUrl("notes/a b.txt", 60).then(({ error }) => ({ error })),
  ),
  storage("remove", (files) => files.remove(["notes/a b.txt"])),
];

function edge(name: string, call: (functions: Client["functions"]) => Promise<unknown>): Case {
  return { group: "functions", name, call: ({ client }) => call(client.functions) };
}

const edgeFunctions: Case[] = [
  edge("invoke with JSON", (f) => f.invoke("echo", { body: { a: [1, "ü"] } })),
  edge("invoke with text", (f) => f.invoke("echo", { body: "text" })),
  edge("invoke with bytes", (f) => f.invoke("echo", { body: new Uint8Array([1, 2, 3]).buffer })),
  edge("invoke with a form", (f) => {
    const form = new FormData();
    form.set("field", "value");
    return f.invoke("echo", { body: form });
  }),
  edge("invoke in a region", (f) => f.invoke("echo", { body: {}, region: FunctionRegion.EuWest1 })),
  edge("invoke by GET", (f) => f.invoke("echo?a=1&b=x%20y", { method: "GET" })),
  edge("invoke by DELETE", (f) => f.invoke("echo", { method: "DELETE" })),
  edge("invoke a failing one", (f) => f.invoke("status/500", { body: {} })),
  edge("invoke a busy one", (f) => f.invoke("status/429", { body: {} })),
  edge("invoke a large answer", async (f) => {
    const { data, error } = await f.invoke("large/300000", { method: "GET" });
    return { size: data?.size, error };
  }),
  edge("abort an invocation", (f) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 200);
    return f.invoke("hang", { body: {}, signal: controller.signal });
  }),
];

const sessions: Case[] = [
  {
    group: "auth",
    name: "sign in and see own rows",
    call: async ({ client }) => {
      const { data, error } = await client.auth.signInWithPassword({
        email: "ada@example.com",
        password: "any",
      });
      const own = await client.from("customers").select("id");
      return { user: data.user?.id, error, own };
    },
  },
];

export const cases: Case[] = [
  ...selects,
  ...filters,
  ...ranges,
  ...writes,
  ...functionsOfTheDatabase,
  ...schemas,
  ...errors,
  ...objects,
  ...edgeFunctions,
  ...sessions,
  ...keys,
  ...ownSchema,
  ...ping,
];
