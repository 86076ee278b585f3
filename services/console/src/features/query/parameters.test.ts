import { describe, expect, it } from "vitest";
import { parameterCount, parameterValue } from "./parameters";

describe("parameterCount", () => {
  it.each([
    ["select 1", 0],
    ["select $1", 1],
    ["select $2, $1, $2", 2],
    ["select '$1', \"$2\", $3", 3],
    ["select 'it''s $5' || $1", 1],
    ["select 1 -- $4\n, $1", 1],
    ["select /* $4 */ $1", 1],
    ["do $$ select $3 $$", 0],
    ["do $body$ select $3 $body$ || $1", 1],
    ["select a$1 from t", 0],
    ["select $1::int4", 1],
  ])("%s: %i", (sql, count) => {
    expect(parameterCount(sql)).toBe(count);
  });
});

describe("parameterValue", () => {
  it.each([
    ["42", 42n],
    ["-9223372036854775808", -9_223_372_036_854_775_808n],
    ["9223372036854775807", 9_223_372_036_854_775_807n],
    ["9223372036854775808", "9223372036854775808"],
    [" 1.5 ", 1.5],
    ["1e3", 1000],
    ["", undefined],
    ["twelve", undefined],
    ["Infinity", undefined],
  ])("parses the number %j as %s", (text, value) => {
    expect(parameterValue({ type: "number", text })).toBe(value);
  });

  it("keeps text as typed and distinguishes NULL from empty text", () => {
    expect(parameterValue({ type: "text", text: " x " })).toBe(" x ");
    expect(parameterValue({ type: "text", text: "" })).toBe("");
    expect(parameterValue({ type: "null", text: "x" })).toBeNull();
    expect(parameterValue({ type: "bool", text: "" })).toBe(false);
    expect(parameterValue({ type: "bool", text: "true" })).toBe(true);
  });
});
