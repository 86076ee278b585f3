import { canUpsert, type Filter, inParentheses, type RequestDraft, reads } from "./request";

/** The line of supabase-js that makes the same request. */
export function supabaseJsLine(draft: RequestDraft): string {
  return `const { data, error } = await supabase${target(draft)}${draft.filters.map(condition).join("")}${rest(draft)}`;
}

const text = (value: string) => JSON.stringify(value);

function target(draft: RequestDraft): string {
  const name = text(draft.name.trim());
  return draft.target === "rpc"
    ? `.rpc(${[name, ...callOf(draft)].join(", ")})${returned(draft)}`
    : `.from(${name})${verb(draft)}`;
}

/** A call's arguments and options. */
function callOf(draft: RequestDraft): string[] {
  const { method, body } = draft;
  const verb = { GET: ["get: true"], HEAD: ["head: true"] }[method as "GET" | "HEAD"] ?? [];
  const options = optionsOf([...verb, ...countOf(draft)]);
  const values = body.trim() === "" ? "{}" : body.trim();
  return options.length > 0 || body.trim() !== "" ? [values, ...options] : [];
}

function verb(draft: RequestDraft): string {
  const body = draft.body.trim();
  const options = optionsOf(countOf(draft));
  switch (draft.method) {
    case "POST":
      return `.${canUpsert(draft) && draft.upsert ? "upsert" : "insert"}(${[body, ...options].join(", ")})`;
    case "PATCH":
      return `.update(${[body, ...options].join(", ")})`;
    case "DELETE":
      return `.delete(${options.join("")})`;
    default:
      return select(draft);
  }
}

function select(draft: RequestDraft): string {
  const columns = draft.columns.trim();
  const head = draft.method === "HEAD" ? ["head: true"] : [];
  const options = optionsOf([...head, ...countOf(draft)]);
  if (columns === "" && options.length === 0) return ".select()";
  return `.select(${[text(columns || "*"), ...options].join(", ")})`;
}

function countOf({ count }: RequestDraft): string[] {
  return count === "none" ? [] : [`count: ${text(count)}`];
}

/** An object of options as the last argument, unless it is empty. */
function optionsOf(options: readonly string[]): string[] {
  return options.length === 0 ? [] : [`{ ${options.join(", ")} }`];
}

function condition({ column, operator, value }: Filter): string {
  const name = text(column.trim());
  if (operator === "or") return either(column.trim(), value);
  if (METHODS.has(operator)) return `.${operator}(${name}, ${text(value)})`;
  if (operator === "is") return `.is(${name}, ${literal(value)})`;
  if (operator.startsWith("not.")) {
    return `.not(${name}, ${text(operator.slice(4))}, ${text(listed(operator, value))})`;
  }
  return `.filter(${name}, ${text(operator)}, ${text(listed(operator, value))})`;
}

/** supabase-js adds the parentheses itself. */
function either(table: string, value: string): string {
  const conditions = text(inParentheses(value).slice(1, -1));
  return table === ""
    ? `.or(${conditions})`
    : `.or(${conditions}, { referencedTable: ${text(table)} })`;
}

/** Operators that have a method of the same name, which takes the value as text. */
const METHODS: ReadonlySet<string> = new Set("eq neq gt gte lt lte like ilike".split(" "));

function literal(value: string): string {
  return ["null", "true", "false"].includes(value) ? value : text(value);
}

function listed(operator: string, value: string): string {
  return operator.endsWith("in") ? inParentheses(value) : value;
}

function rest(draft: RequestDraft): string {
  const csv = draft.format === "csv" && draft.method !== "HEAD" ? ".csv()" : "";
  if (!reads(draft) && draft.target === "table") return `${returned(draft) || ".select()"}${csv}`;
  const limit = draft.limit.trim();
  return `${orders(draft.order)}${limit === "" ? "" : `.limit(${limit})`}${csv}`;
}

function returned({ columns }: RequestDraft): string {
  return columns.trim() === "" ? "" : `.select(${text(columns.trim())})`;
}

function orders(order: string): string {
  const terms = order.split(",").map((term) => term.trim());
  return terms
    .filter((term) => term !== "")
    .map(orderCall)
    .join("");
}

function orderCall(term: string): string {
  const [column = "", ...modifiers] = term.split(".");
  const options = [
    ...(modifiers.includes("desc") ? ["ascending: false"] : []),
    ...(modifiers.includes("nullsfirst") ? ["nullsFirst: true"] : []),
    ...(modifiers.includes("nullslast") ? ["nullsFirst: false"] : []),
  ];
  return `.order(${text(column)}${options.length > 0 ? `, { ${options.join(", ")} }` : ""})`;
}
