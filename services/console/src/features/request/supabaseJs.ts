import { type Filter, type RequestDraft, reads } from "./request";

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
function callOf({ method, body }: RequestDraft): string[] {
  const option = { GET: "{ get: true }", HEAD: "{ head: true }" }[method as "GET" | "HEAD"];
  const values = body.trim() === "" ? "{}" : body.trim();
  if (option !== undefined) return [values, option];
  return body.trim() === "" ? [] : [values];
}

function verb(draft: RequestDraft): string {
  const columns = draft.columns.trim();
  const body = draft.body.trim();
  switch (draft.method) {
    case "HEAD":
      return `.select(${text(columns || "*")}, { head: true })`;
    case "POST":
      return `.insert(${body})`;
    case "PATCH":
      return `.update(${body})`;
    case "DELETE":
      return ".delete()";
    default:
      return `.select(${columns === "" ? "" : text(columns)})`;
  }
}

function condition({ column, operator, value }: Filter): string {
  const name = text(column.trim());
  if (METHODS.has(operator)) return `.${operator}(${name}, ${text(value)})`;
  if (operator === "is") return `.is(${name}, ${literal(value)})`;
  if (operator.startsWith("not.")) {
    return `.not(${name}, ${text(operator.slice(4))}, ${text(listed(operator, value))})`;
  }
  return `.filter(${name}, ${text(operator)}, ${text(listed(operator, value))})`;
}

/** Operators that have a method of the same name, which takes the value as text. */
const METHODS: ReadonlySet<string> = new Set("eq neq gt gte lt lte like ilike".split(" "));

function literal(value: string): string {
  return ["null", "true", "false"].includes(value) ? value : text(value);
}

function listed(operator: string, value: string): string {
  return operator.endsWith("in") && !value.startsWith("(") ? `(${value})` : value;
}

function rest(draft: RequestDraft): string {
  if (!reads(draft) && draft.target === "table") return returned(draft) || ".select()";
  const limit = draft.limit.trim();
  return `${orders(draft.order)}${limit === "" ? "" : `.limit(${limit})`}`;
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
