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
  "or",
] as const;
export type Operator = (typeof operators)[number];

/**
 * One condition, as PostgREST writes it: column=operator.value. The value of "or" holds several, "status.eq.open,id.gt.5",
 * and its column is empty, or an embedded table.
 */
export interface Filter {
  column: string;
  operator: Operator;
  value: string;
}

export const counts = ["none", "exact", "planned", "estimated"] as const;
export type Count = (typeof counts)[number];

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
  /** Whether a POST replaces rows that exist. */
  upsert: boolean;
  /** Whether, and how, the rows of the whole result are counted. */
  count: Count;
  format: "json" | "csv";
  /** A token of the project's own Auth service, for connections that allow user tokens. */
  userToken: string;
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
  upsert: false,
  count: "none",
  format: "json",
  userToken: "",
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

/** Whether the request writes whole rows, which may replace those that exist. */
export function canUpsert({ target, method }: RequestDraft): boolean {
  return target === "table" && method === "POST";
}

export type RequestProblem = "name" | "filter" | "everyRow" | "limit" | "json" | "arguments";

/** Why a draft can't be sent; null if it can. */
export function requestProblem(draft: RequestDraft): RequestProblem | null {
  if (draft.name.trim() === "") return "name";
  if (draft.filters.some(isIncomplete)) return "filter";
  const changesRows = draft.method === "PATCH" || draft.method === "DELETE";
  // PostgREST would change every row of the table.
  if (changesRows && draft.filters.length === 0) return "everyRow";
  if (!/^(?:[1-9]\d{0,8})?$/.test(draft.limit.trim())) return "limit";
  return takesBody(draft) ? bodyProblem(draft) : null;
}

function isIncomplete({ column, operator, value }: Filter): boolean {
  return operator === "or" ? value.trim() === "" : column.trim() === "";
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
    ...(draft.userToken.trim() === "" ? {} : { userToken: draft.userToken.trim() }),
  };
}

function headersOf(draft: RequestDraft, sendsBody: boolean): [string, string][] {
  return [
    ["accept", draft.format === "csv" ? "text/csv" : "application/json"],
    ...some("content-type", sendsBody ? "application/json" : ""),
    ...some("prefer", preferences(draft).join(",")),
  ];
}

function preferences(draft: RequestDraft): string[] {
  const writesTable = draft.target === "table" && !reads(draft);
  return [
    ...(writesTable ? ["return=representation"] : []),
    ...(canUpsert(draft) && draft.upsert ? ["resolution=merge-duplicates"] : []),
    ...(draft.count === "none" ? [] : [`count=${draft.count}`]),
  ];
}

function queryOf(draft: RequestDraft): [string, string][] {
  const { columns, filters, order, limit } = draft;
  const readsRows = reads(draft) || draft.target === "rpc";
  return [
    ...argumentsOf(draft),
    ...some("select", columns),
    ...filters.map(parameterOf),
    ...(readsRows ? some("order", order) : []),
    ...(readsRows ? some("limit", limit) : []),
  ];
}

function some(name: string, value: string): [string, string][] {
  return value.trim() === "" ? [] : [[name, value.trim()]];
}

function parameterOf({ column, operator, value }: Filter): [string, string] {
  const name = column.trim();
  if (operator === "or") return [name === "" ? "or" : `${name}.or`, inParentheses(value)];
  const isList = operator === "in" || operator === "not.in";
  return [name, `${operator}.${isList ? inParentheses(value) : value}`];
}

export function inParentheses(list: string): string {
  return list.startsWith("(") ? list : `(${list})`;
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
