import { describe, expect, it } from "vitest";
import { answerOf } from "./answer";
import { formatExact, parseExact } from "./exactJson";
import {
  allowed,
  blankRequest,
  type Filter,
  methodsFor,
  type RequestDraft,
  requestOf,
  requestProblem,
} from "./request";
import { supabaseJsLine } from "./supabaseJs";

const orders: RequestDraft = { ...blankRequest, name: "orders" };
const open: Filter = { column: "status", operator: "eq", value: "open" };
const bodyOf = (draft: RequestDraft) => new TextDecoder().decode(requestOf("shop", draft).body);

describe("requestOf", () => {
  it("writes columns, filters, order and limit as PostgREST does", () => {
    const filters: Filter[] = [open, { column: "id", operator: "in", value: "1,2" }];
    const draft = { ...orders, columns: "id,total", filters, order: "id.desc" };
    expect(requestOf("shop", draft)).toMatchObject({
      connection: "shop",
      method: "GET",
      path: ["orders"],
      query: [
        ["select", "id,total"],
        ["status", "eq.open"],
        ["id", "in.(1,2)"],
        ["order", "id.desc"],
        ["limit", "50"],
      ],
    });
  });

  it("sends a function's arguments in the query of a GET and in the body of a POST", () => {
    const draft: RequestDraft = { ...orders, target: "rpc", name: "total", body: '{"of":[1,2]}' };
    const get = requestOf("shop", { ...draft, limit: "" });
    expect(get).toMatchObject({ path: ["rpc", "total"], query: [["of", "{1,2}"]] });
    expect(get.body).toBeUndefined();
    expect(bodyOf({ ...draft, method: "POST" })).toBe('{"of":[1,2]}');
  });

  it("asks for the written rows, without limit or order", () => {
    const draft: RequestDraft = { ...orders, method: "POST", body: '{"id":1}', order: "id" };
    const { query, headers } = requestOf("shop", draft);
    expect(query).toEqual([]);
    expect(headers).toContainEqual(["prefer", "return=representation"]);
    expect(headers).toContainEqual(["content-type", "application/json"]);
  });
});

describe("a request's options", () => {
  const headersOf = (change: Partial<RequestDraft>) =>
    new Map(requestOf("shop", { ...orders, ...change }).headers ?? []);

  it("are preferences, of which there may be several", () => {
    expect(headersOf({}).get("prefer")).toBeUndefined();
    expect(headersOf({ count: "exact" }).get("prefer")).toBe("count=exact");
    const upsert: Partial<RequestDraft> = { method: "POST", body: "[]", upsert: true };
    expect(headersOf({ ...upsert, count: "planned" }).get("prefer")).toBe(
      "return=representation,resolution=merge-duplicates,count=planned",
    );
    // Left over from a POST that was prepared before.
    expect(headersOf({ ...upsert, method: "PATCH" }).get("prefer")).toBe("return=representation");
  });

  it("ask for CSV", () => {
    expect(headersOf({ format: "csv" }).get("accept")).toBe("text/csv");
  });

  it("pass a user's token on, if there is one", () => {
    expect(requestOf("shop", { ...orders, userToken: " a.b.c\n" }).userToken).toBe("a.b.c");
    expect(requestOf("shop", orders).userToken).toBeUndefined();
  });

  it("combine conditions with or, also of an embedded table", () => {
    const either: Filter = { column: "", operator: "or", value: "status.eq.open,id.gt.5" };
    const embedded: Filter = { column: "items", operator: "or", value: "(line.eq.1,line.eq.2)" };
    expect(requestOf("shop", { ...orders, filters: [either, embedded], limit: "" }).query).toEqual([
      ["or", "(status.eq.open,id.gt.5)"],
      ["items.or", "(line.eq.1,line.eq.2)"],
    ]);
  });
});

describe("requestProblem", () => {
  it.each<[string | null, Partial<RequestDraft>]>([
    [null, {}],
    ["name", { name: " " }],
    ["filter", { filters: [{ ...open, column: "" }] }],
    ["filter", { filters: [{ column: "id", operator: "or", value: " " }] }],
    [null, { filters: [{ column: "", operator: "or", value: "a.eq.1" }] }],
    ["everyRow", { method: "DELETE" }],
    ["everyRow", { method: "PATCH", body: "{}" }],
    [null, { method: "DELETE", filters: [open] }],
    ["limit", { limit: "0" }],
    [null, { limit: "" }],
    ["json", { method: "POST", body: "{" }],
    ["arguments", { target: "rpc", body: "[1]" }],
    [null, { target: "rpc", body: "" }],
  ])("is %s for %j", (problem, change) => {
    expect(requestProblem({ ...orders, ...change })).toBe(problem);
  });
});

describe("methods", () => {
  it("of a read-only connection only read", () => {
    expect(methodsFor("rpc", true)).toEqual(["GET", "HEAD"]);
    expect(allowed({ ...orders, method: "DELETE" }, true).method).toBe("GET");
    expect(allowed({ ...orders, method: "DELETE" }, false).method).toBe("DELETE");
  });
});

describe("supabaseJsLine", () => {
  const filters = [open];
  it.each<[Partial<RequestDraft>, string]>([
    [
      { columns: "id,total", filters },
      '.from("orders").select("id,total").eq("status", "open").limit(50)',
    ],
    [
      { order: "placed_at.desc.nullslast,id", limit: "" },
      '.from("orders").select().order("placed_at", { ascending: false, nullsFirst: false }).order("id")',
    ],
    [
      { filters: [{ column: "paid", operator: "is", value: "null" }], limit: "" },
      '.from("orders").select().is("paid", null)',
    ],
    [
      { filters: [{ column: "id", operator: "not.in", value: "1,2" }], limit: "" },
      '.from("orders").select().not("id", "in", "(1,2)")',
    ],
    [{ method: "HEAD", limit: "" }, '.from("orders").select("*", { head: true })'],
    [{ method: "POST", body: '{"id":1}' }, '.from("orders").insert({"id":1}).select()'],
    [
      { method: "PATCH", body: '{"a":1}', columns: "id", filters },
      '.from("orders").update({"a":1}).eq("status", "open").select("id")',
    ],
    [{ method: "DELETE", filters }, '.from("orders").delete().eq("status", "open").select()'],
    [{ target: "rpc", name: "total", limit: "" }, '.rpc("total", {}, { get: true })'],
    [
      { target: "rpc", name: "total", method: "POST", body: '{"a":1}', limit: "" },
      '.rpc("total", {"a":1})',
    ],
    [{ count: "exact", limit: "" }, '.from("orders").select("*", { count: "exact" })'],
    [
      { count: "planned", method: "HEAD", columns: "id", limit: "" },
      '.from("orders").select("id", { head: true, count: "planned" })',
    ],
    [
      { method: "POST", body: '{"id":1}', upsert: true, count: "exact" },
      '.from("orders").upsert({"id":1}, { count: "exact" }).select()',
    ],
    [
      { method: "DELETE", filters, count: "exact" },
      '.from("orders").delete({ count: "exact" }).eq("status", "open").select()',
    ],
    [
      { target: "rpc", name: "total", method: "POST", count: "exact", limit: "" },
      '.rpc("total", {}, { count: "exact" })',
    ],
    [{ format: "csv", columns: "id" }, '.from("orders").select("id").limit(50).csv()'],
    [
      { filters: [{ column: "", operator: "or", value: "(id.eq.1,id.eq.2)" }], limit: "" },
      '.from("orders").select().or("id.eq.1,id.eq.2")',
    ],
    [
      { filters: [{ column: "items", operator: "or", value: "line.eq.1" }], limit: "" },
      '.from("orders").select().or("line.eq.1", { referencedTable: "items" })',
    ],
  ])("of %j", (change, line) => {
    expect(supabaseJsLine({ ...orders, ...change })).toBe(
      `const { data, error } = await supabase${line}`,
    );
  });
});

describe("exact JSON", () => {
  it.each(['{"n":9007199254740993}', '[1.10,1e400,"12345678901234567890",-0,null]'])(
    "%s survives parsing and formatting",
    (json) => {
      expect(formatExact(parseExact(json), 0)).toBe(json);
    },
  );

  it("rejects what is no JSON", () => {
    expect(() => parseExact("{1:2}")).toThrow(SyntaxError);
  });
});

describe("answerOf", () => {
  const summary = {
    byteCount: 0n,
    hint: "",
    timings: { lookup: 1, acquire: 1, firstRow: 1, total: 1 },
  };
  const json: [string, string][] = [["content-type", "application/json; charset=utf-8"]];
  const answer = (status: number, text: string, headers = json) =>
    answerOf({ status, headers }, new TextEncoder().encode(text), summary);

  it("makes rows of objects, with a column per name and NULL where one is missing", () => {
    const { rows } = answer(200, '[{"id":9007199254740993,"tags":["a"]},{"id":2,"note":"x"}]');
    expect(rows?.columns.map(({ name, typeName }) => `${name} ${typeName}`)).toEqual([
      "id number",
      "tags json",
      "note string",
    ]);
    const shown = [0, 1].map((row) => [0, 1, 2].map((column) => rows?.cell(row, column)));
    expect(shown).toEqual([
      ["9007199254740993", '["a"]', null],
      [2, null, "x"],
    ]);
  });

  it.each(["[1,2]", "7", '"text"'])("has no rows for %s", (text) => {
    expect(answer(200, text).rows).toBeNull();
  });

  it("shows what isn't JSON as it is", () => {
    const page = answer(502, "<html>bad gateway</html>", [["content-type", "text/html"]]);
    expect(page.text).toBe("<html>bad gateway</html>");
    expect(page.problem?.message).toBe("<html>bad gateway</html>");
  });
});
