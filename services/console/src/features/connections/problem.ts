import type { KeyError, ProjectUrlError } from "@postern/client/rules";

/** What is wrong with a field: a key of the texts under "problem". */
export type Problem =
  | "required"
  | "name"
  | "host"
  | "port"
  | "ca"
  | "passwordAgain"
  | "keyAgain"
  | "keyRequired"
  | "serving"
  | `url.${ProjectUrlError}`
  | `key.${KeyError}`;

export type Problems<Field extends string> = Partial<Record<Field, Problem>>;

/** Leaves out the fields that have no problem. */
export function found<F extends string>(all: Partial<Record<F, Problem | null>>): Problems<F> {
  const some = Object.entries(all).filter(([, problem]) => problem !== null);
  return Object.fromEntries(some) as Problems<F>;
}

export function nameProblem(name: string, wellFormed: boolean): Problem | null {
  if (name === "") return "required";
  return wellFormed ? null : "name";
}

const PEM_START = "-----BEGIN CERTIFICATE-----";

export function caProblem(ca: string): Problem | null {
  return ca.trim() === "" || ca.includes(PEM_START) ? null : "ca";
}
