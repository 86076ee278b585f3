import { describe, expect, it } from "vitest";
import { addressOf, type Place, placeOf } from "./place";

describe("place", () => {
  it.each<Place>([
    { page: "query", connection: null },
    { page: "query", connection: "demo" },
    { page: "connections", form: null },
    { page: "connections", form: { kind: "new" } },
    { page: "connections", form: { kind: "edit", name: "a&b=c" } },
  ])("%j survives the address", (place) => {
    expect(placeOf(addressOf(place))).toEqual(place);
  });

  it.each(["", "?page=nowhere", "?form=new"])("%j is the query page", (search) => {
    expect(placeOf(search)).toEqual({ page: "query", connection: null });
  });

  it("a form that names no connection is no form", () => {
    expect(placeOf("?page=connections&form=edit")).toEqual({ page: "connections", form: null });
  });
});
