import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isConnectionName, type Parsed, parseDsn, parseKey, parseProjectUrl } from "./index.js";
import type { KeyField } from "./supabaseKey.js";

interface Case {
  input: string;
  valid: boolean;
  fields?: object;
  error?: string;
  field?: KeyField;
  url?: string;
  now?: number;
}

/** The cases that the server's parsers run too. */
function casesOf(file: string): Case[] {
  const folder = join(import.meta.dirname, "../../../../../../tests/vectors");
  return JSON.parse(readFileSync(join(folder, file), "utf8"));
}

function check(file: string, parse: (test: Case) => Parsed<object | undefined, string>): void {
  const cases = casesOf(file);
  it("has valid and invalid cases", () => {
    expect(new Set(cases.map(({ valid }) => valid))).toEqual(new Set([true, false]));
  });
  it.each(cases)("$input", (test) => {
    const expected = test.valid
      ? { ok: true, value: test.fields }
      : { ok: false, error: test.error };
    expect(parse(test)).toEqual(expected);
  });
}

describe("names", () => {
  check("names.json", ({ input }) =>
    isConnectionName(input) ? { ok: true, value: undefined } : { ok: false, error: "NAME" },
  );
});

describe("DSNs", () => {
  check("dsn.json", ({ input }) => parseDsn(input));
});

describe("project URLs", () => {
  check("project-urls.json", ({ input }) => parseProjectUrl(input));
});

describe("Supabase keys", () => {
  check("supabase-keys.json", ({ input, field = "secret", url = "", now = 0 }) => {
    const project = parseProjectUrl(url);
    return parseKey(input, { field, ref: project.ok ? project.value.ref : null, now });
  });
});
