import type { Parameter } from "@postern/client";

export const parameterTypes = ["text", "number", "bool", "null"] as const;
export type ParameterType = (typeof parameterTypes)[number];

/** The raw contents of a parameter's inputs. */
export interface ParameterDraft {
  type: ParameterType;
  text: string;
}

export const newParameter: ParameterDraft = { type: "text", text: "" };

/** The most parameters the console offers inputs for. */
const MAX_INPUTS = 99;

/**
 * Matches everything in which a `$1` is not a parameter: strings, quoted names, comments, dollar-quoted
 * bodies, and names that contain `$1`. The last alternative is the parameter itself.
 */
const tokens =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|[A-Za-z_][\w$]*|\$(\d+)/g;

/** The number of parameters a statement needs: its highest $n. */
export function parameterCount(sql: string): number {
  let highest = 0;
  for (const match of sql.matchAll(tokens)) highest = Math.max(highest, Number(match[2] ?? 0));
  return Math.min(highest, MAX_INPUTS);
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

/** Integers stay exact; one too large for int8 is sent as text, which Postgres can read as numeric. */
function numberOf(text: string): Parameter | undefined {
  if (WHOLE.test(text)) {
    const whole = BigInt(text.replace(/^\+/, ""));
    return whole >= -LARGEST && whole < LARGEST ? whole : text;
  }
  const number = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}
