import type { Parameter } from "../../client";

export const parameterTypes = ["text", "number", "bool", "null"] as const;
export type ParameterType = (typeof parameterTypes)[number];

/** A parameter as it is being typed. */
export interface ParameterDraft {
  type: ParameterType;
  text: string;
}

export const newParameter: ParameterDraft = { type: "text", text: "" };

/** More than this is no longer a statement somebody fills in by hand. */
const MOST_SHOWN = 99;

/**
 * What a `$1` must not be looked for in: strings, quoted names, comments, dollar-quoted bodies, and
 * names that merely contain a `$1`. The last alternative is the parameter itself.
 */
const tokens =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|[A-Za-z_][\w$]*|\$(\d+)/g;

/** The highest $n of a statement: so many values it needs. */
export function parameterCount(sql: string): number {
  let highest = 0;
  for (const match of sql.matchAll(tokens)) highest = Math.max(highest, Number(match[2] ?? 0));
  return Math.min(highest, MOST_SHOWN);
}

const WHOLE = /^[+-]?\d+$/;
const LARGEST = 2n ** 63n;

/** The value to send, or undefined while the text is not of the chosen type. */
export function parameterValue({ type, text }: ParameterDraft): Parameter | undefined {
  switch (type) {
    case "null":
      return null;
    case "bool":
      return text === "true";
    case "text":
      return text;
    case "number":
      return numberOf(text.trim());
  }
}

/** Whole numbers stay exact; one too large for int8 goes as text, which Postgres reads as numeric. */
function numberOf(text: string): Parameter | undefined {
  if (WHOLE.test(text)) {
    const whole = BigInt(text.replace(/^\+/, ""));
    return whole >= -LARGEST && whole < LARGEST ? whole : text;
  }
  const number = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}
