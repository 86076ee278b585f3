import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Backend } from "../testing/backend";
import { renderConsole } from "../testing/renderConsole";

async function openedAt(at: string): Promise<void> {
  const backend = new Backend();
  backend.save("demo");
  backend.save("shop");
  await renderConsole(backend, { at });
}

const here = () => window.location.pathname + window.location.search;

describe("a link to the console", () => {
  it.each([
    ["/", "/query/demo"],
    ["/?page=nowhere", "/query/demo"],
    ["/?page=query&connection=shop", "/query/shop"],
    ["/?page=connections", "/connections"],
    ["/?page=connections&form=new", "/connections/new"],
    ["/?page=connections&form=edit&connection=shop", "/connections/shop/edit"],
    ["/?page=connections&form=edit", "/connections"],
    ["/connections/shop", "/connections/shop/edit"],
    ["/connections/new?kind=postgres", "/connections/new?kind=postgres"],
  ])("%s leads to %s", async (at, expected) => {
    await openedAt(at);
    await waitFor(() => expect(here()).toBe(expected));
  });

  it("says so if there is no such page", async () => {
    await openedAt("/nowhere");
    expect(await screen.findByText("This page does not exist")).toBeTruthy();
  });

  it("names the connection in the page's title", async () => {
    await openedAt("/query/shop");
    await waitFor(() => expect(document.title).toBe("shop · Postern"));
  });
});
