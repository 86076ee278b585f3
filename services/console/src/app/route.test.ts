import { describe, expect, it } from "vitest";
import { hrefOf, parseRoute, type Route } from "./route";

describe("route", () => {
  it.each<Route>([
    { page: "query", connection: null },
    { page: "query", connection: "demo" },
    { page: "connections", form: null },
    { page: "connections", form: { kind: "new" } },
    { page: "connections", form: { kind: "edit", name: "a&b=c" } },
  ])("%j survives a round trip through the URL", (route) => {
    expect(parseRoute(hrefOf(route))).toEqual(route);
  });

  it.each(["", "?page=nowhere", "?form=new"])("%j parses as the query page", (search) => {
    expect(parseRoute(search)).toEqual({ page: "query", connection: null });
  });

  it("an edit form without a connection name is ignored", () => {
    expect(parseRoute("?page=connections&form=edit")).toEqual({ page: "connections", form: null });
  });
});
