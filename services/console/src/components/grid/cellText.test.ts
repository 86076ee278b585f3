import { expect, it } from "vitest";
import { cellText, shownText } from "./cellText";

it.each([
  [9_007_199_254_740_993n, "9007199254740993"],
  [-0, "-0"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [true, "true"],
  ["12.30", "12.30"],
  [new Uint8Array([0, 0x0f, 0xff]), "\\x000fff"],
  [new Uint8Array(), "\\x"],
])("formats %s as Postgres does", (cell, text) => {
  expect(cellText(cell)).toBe(text);
});

it("shortens long and multi-line text for display, and copies it in full", () => {
  const text = `a\r\nb\tc${"x".repeat(1000)}`;
  expect(shownText(text)).toMatch(/^a ↵ b ⇥ cx+…$/);
  expect(shownText(text).length).toBeLessThan(420);
  expect(cellText(text)).toBe(text);
  expect(shownText(new Uint8Array(1000))).toMatch(/^\\x0{400}…$/);
});
