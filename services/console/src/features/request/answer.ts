import type { ForwardSummary } from "@postern/client";
import { type Cell, Encoding } from "@postern/client";
import type { GridColumn, GridRows } from "../../components/grid/gridRows";
import { ExactNumber, formatExact, parseExact } from "./exactJson";

/** A complete answer of the project. */
export interface Answer {
  status: number;
  contentType: string;
  /** The rows' positions and, if counted, their total: "0-49/120". Empty if there is none. */
  contentRange: string;
  /** The body as text, with JSON indented; longer ones are cut for display. */
  text: string;
  cut: boolean;
  /** The body as rows; null unless it is JSON objects. */
  rows: JsonRows | null;
  problem: AnswerProblem | null;
  summary: ForwardSummary;
}

/** An error of PostgREST. Fields that it did not send are empty. */
export interface AnswerProblem {
  code: string;
  message: string;
  details: string;
  hint: string;
}

/** Text beyond this many characters makes the page slow. */
const MOST_CHARACTERS = 200_000;

export interface Head {
  status: number;
  headers: readonly [string, string][];
}

export function answerOf(head: Head, body: Uint8Array, summary: ForwardSummary): Answer {
  const header = (wanted: string) => head.headers.find(([name]) => name === wanted)?.[1] ?? "";
  const raw = new TextDecoder().decode(body);
  const json = /\bjson\b/.test(header("content-type")) ? parsed(raw) : undefined;
  const text = json === undefined ? raw : formatExact(json);
  return {
    status: head.status,
    contentType: header("content-type"),
    contentRange: header("content-range"),
    text: text.slice(0, MOST_CHARACTERS),
    cut: text.length > MOST_CHARACTERS,
    rows: head.status < 400 ? rowsOf(json) : null,
    problem: head.status < 400 ? null : problemOf(json, raw),
    summary,
  };
}

function parsed(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  return plain && !(value instanceof ExactNumber);
}

function rowsOf(json: unknown): JsonRows | null {
  if (Array.isArray(json)) return json.every(isObject) ? new JsonRows(json) : null;
  return isObject(json) ? new JsonRows([json]) : null;
}

function problemOf(json: unknown, raw: string): AnswerProblem {
  const fields = isObject(json) ? json : {};
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  const message = text("message") || text("error") || text("msg");
  return {
    code: text("code"),
    message: message || raw.slice(0, 400),
    details: text("details"),
    hint: text("hint"),
  };
}

/** JSON objects as rows of the grid: one column per name, in order of appearance. */
export class JsonRows implements GridRows {
  private static made = 0;
  readonly id = ++JsonRows.made;
  readonly columns: readonly GridColumn[];
  private readonly objects: readonly JsonObject[];

  constructor(objects: readonly JsonObject[]) {
    this.objects = objects;
    const names = new Set(objects.flatMap((object) => Object.keys(object)));
    this.columns = [...names].map((name) => columnOf(name, objects));
  }

  get count(): number {
    return this.objects.length;
  }

  cell(row: number, column: number): Cell {
    const object = this.objects[row];
    const name = this.columns[column]?.name;
    if (object === undefined || name === undefined) throw new RangeError("no such cell");
    return toCell(Object.hasOwn(object, name) ? object[name] : null);
  }
}

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (value instanceof ExactNumber) return value.text;
  if (typeof value === "object") return formatExact(value, 0);
  return value as Cell;
}

/** JSON has no column types, so a column's type is that of its values, as far as they agree. */
function columnOf(name: string, objects: readonly JsonObject[]): GridColumn {
  const types = new Set(
    objects.map((object) => typeOf(object[name])).filter((type) => type !== ""),
  );
  const [only = "", ...others] = types;
  const typeName = others.length > 0 ? "json" : only;
  return { name, typeName, encoding: typeName === "number" ? Encoding.DOUBLE : Encoding.TEXT };
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof ExactNumber) return "number";
  return typeof value === "object" ? "json" : typeof value;
}
