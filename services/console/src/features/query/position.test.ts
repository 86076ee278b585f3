import { describe, expect, it } from "vitest";
import { locate } from "./position";

describe("locate", () => {
  it("counts lines and columns from 1", () => {
    expect(locate("select *\nfrom nope", 15)).toEqual({ offset: 14, line: 2, column: 6 });
    expect(locate("selct", 1)).toEqual({ offset: 0, line: 1, column: 1 });
  });

  it("counts characters, not UTF-16 units", () => {
    const sql = "select '🏰🏰', nope";
    expect(sql.slice(locate(sql, 14)?.offset)).toBe("nope");
  });

  it("may point just past the end, but no further", () => {
    expect(locate("sel", 4)).toEqual({ offset: 3, line: 1, column: 4 });
    expect(locate("sel", 5)).toBeNull();
    expect(locate("sel", 0)).toBeNull();
  });
});
