import type { ForwardRequest, HttpMethodName } from "@postern/client";

export type Target = "table" | "rpc";

export const operators = [
  "eq",
  "neq",
  "gt",
  "gte",
  "lt",
  "lte",
  "like",
  "ilike",
  "is",
  "in",
  "cs",
  "cd",
  "ov",
  "fts",
  "plfts",
  "wfts",
  "match",
  "imatch",
  "not.eq",
  "not.is",
  "not.in",
  "not.like",
] as const;
export type Operator = (typeof operators)[number];

/** One condition, as PostgREST writes it: column=operator.value. */
export interface Filter {
  column: string;
  operator: Operator;
  value: string;
}

/** The raw contents of the request page's inputs. */
export interface RequestDraft {
  target: Target;
  name: string;
  method: HttpMethodName;
  /** As in `select=`: "id,total,customer(name)". */
  columns: string;
  filters: readonly Filter[];
  /** As in `order=`: "placed_at.desc,id". */
  order: string;
  limit: string;
  /** JSON: the rows to write, or the arguments of a function. */
  body: string;
}

export const newFilter: Filter = { column: "", operator: "eq", value: "" };

export const blankRequest: RequestDraft = {
  target: "table",
  name: "",
  method: "GET",
  columns: "",
  filters: [],
  order: "",
  limit: "50",
  body: "",
};

/** The methods that a connection allows for a target. */
export function methodsFor(target: Target, readOnly: boolean): readonly HttpMethodName[] {
  if (readOnly) return ["GET", "HEAD"];
  return target === "rpc" ? ["GET", "HEAD", "POST"] : ["GET", "HEAD", "POST", "PATCH", "DELETE"];
}

/** The draft with a method that is allowed. */
export function allowed(draft: RequestDraft, readOnly: boolean): RequestDraft {
  return methodsFor(draft.target, readOnly).includes(draft.method)
    ? draft
    : { ...draft, method: "GET" };
}

export function reads({ method }: Pick<RequestDraft, "method">): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether the page shows the JSON input: rows to write, or a function's arguments. */
export function takesBody({ target, method }: RequestDraft): boolean {
  return target === "rpc" || method === "POST" || method === "PATCH";
}

export type RequestProblem = "name" | "filter" | "everyRow" | "limit" | "json" | "arguments";

/** Why a draft can't be sent; null if it can. */
export function requestProblem(draft: RequestDraft): RequestProblem | null {
  if (draft.name.trim() === "") return "name";
  if (draft.filters.some(({ column }) => column.trim() === "")) return "filter";
  const changesRows = draft.method === "PATCH" || draft.method === "DELETE";
  // PostgREST would change every row of the table.
  if (changesRows && draft.filters.length === 0) return "everyRow";
  if (!/^(?:[1-9]\d{0,8})?$/.test(draft.limit.trim())) return "limit";
  return takesBody(draft) ? bodyProblem(draft) : null;
}

function bodyProblem(draft: RequestDraft): RequestProblem | null {
  const { target, body } = draft;
  if (target === "rpc") return body.trim() === "" || isObject(parse(body)) ? null : "arguments";
  return parse(body) === undefined ? "json" : null;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The request for a draft without problems. */
export function requestOf(connection: string, draft: RequestDraft): ForwardRequest {
  const name = draft.name.trim();
  const sendsBody = !reads(draft) && takesBody(draft);
  return {
    connection,
    method: draft.method,
    path: draft.target === "rpc" ? ["rpc", name] : [name],
    query: queryOf(draft),
    headers: headersOf(draft, sendsBody),
    ...(sendsBody ? { body: new TextEncoder().encode(draft.body.trim() || "{}") } : {}),
  };
}

function headersOf(draft: RequestDraft, sendsBody: boolean): [string, string][] {
  const writesTable = draft.target === "table" && !reads(draft);
  return [
    ["accept", "application/json"],
    ...(sendsBody ? [["content-type", "application/json"] as [string, string]] : []),
    ...(writesTable ? [["prefer", "return=representation"] as [string, string]] : []),
  ];
}

function queryOf(draft: RequestDraft): [string, string][] {
  const { columns, filters, order, limit } = draft;
  const readsRows = reads(draft) || draft.target === "rpc";
  return [
    ...argumentsOf(draft),
    ...some("select", columns),
    ...filters.map((filter): [string, string] => [filter.column.trim(), conditionOf(filter)]),
    ...(readsRows ? some("order", order) : []),
    ...(readsRows ? some("limit", limit) : []),
  ];
}

function some(name: string, value: string): [string, string][] {
  return value.trim() === "" ? [] : [[name, value.trim()]];
}

export function conditionOf({ operator, value }: Filter): string {
  const isList = operator === "in" || operator === "not.in";
  return `${operator}.${isList && !value.startsWith("(") ? `(${value})` : value}`;
}

/** A function that is called with GET takes its arguments from the query. */
function argumentsOf(draft: RequestDraft): [string, string][] {
  if (draft.target !== "rpc" || !reads(draft) || draft.body.trim() === "") return [];
  const values = parse(draft.body);
  if (!isObject(values)) return [];
  return Object.entries(values).map(([name, value]) => [name, argumentText(value)]);
}

/** Arrays become Postgres' array literals, as supabase-js sends them. */
function argumentText(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(String).join(",")}}`;
  return isObject(value) ? JSON.stringify(value) : String(value);
}
