import { Code } from "@connectrpc/connect";
import { AccessMode } from "@postern/client";
import { HttpMethod } from "@postern/client/protocol";
import { cleanup, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import {
  answered,
  Backend,
  body,
  head,
  PROJECT_URL,
  refusal,
  untilCancelled,
} from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";

const JSON_TYPE = { "content-type": "application/json" };

async function opened(at = "/request/orders", accessMode = AccessMode.READ_ONLY) {
  const backend = new Backend();
  backend.saveProject("orders", { accessMode });
  const { user } = await renderConsole(backend, { at });
  await screen.findByLabelText("Table name");
  return { backend, user };
}

describe("the request page", () => {
  it("sends a request with the shortcut and shows the rows, status, range and URL", async () => {
    const { backend, user } = await opened();
    backend.onForward = async function* () {
      yield head(206, { ...JSON_TYPE, "content-range": "0-1/2" });
      yield body('[{"id":9007199254740993,"status":"open"},');
      yield body('{"id":2,"status":null}]');
      yield answered();
    };
    await user.type(screen.getByLabelText("Table name"), "orders");
    await user.type(screen.getByLabelText("Columns"), "id,status");
    await user.click(screen.getByRole("button", { name: "Add filter" }));
    await user.type(screen.getByLabelText("Column of filter 1"), "status");
    await user.selectOptions(screen.getByLabelText("Operator of filter 1"), "neq");
    await user.type(screen.getByLabelText("Value of filter 1"), "private");
    await user.keyboard("{Control>}{Enter}{/Control}");

    const grid = within(await screen.findByRole("grid", { name: "Results from orders" }));
    expect(grid.getByText("9007199254740993")).toBeTruthy();
    expect(grid.getByText("NULL")).toBeTruthy();
    expect(screen.getByText("Status 206")).toBeTruthy();
    expect(screen.getByText("Range 0-1/2")).toBeTruthy();
    expect(backend.forwards).toHaveLength(1);
    expect(backend.forwards[0]).toMatchObject({
      connection: "orders",
      method: HttpMethod.GET,
      path: ["orders"],
      query: [
        { name: "select", value: "id,status" },
        { name: "status", value: "neq.private" },
        { name: "limit", value: "50" },
      ],
    });
    await waitFor(() =>
      expect(window.location.search).toBe("?target=table&of=orders&select=id%2Cstatus&limit=50"),
    );

    await user.click(screen.getByRole("radio", { name: "JSON" }));
    const text = await screen.findByRole("region", { name: "Response body" });
    expect(text.textContent).toContain('"id": 9007199254740993,');
    expect(window.location.search).toContain("view=json");
  });

  it("opens what the URL names", async () => {
    await opened("/request/orders?target=table&of=customers&select=id&limit=5");
    expect(screen.getByLabelText("Table name")).toHaveProperty("value", "customers");
    expect(screen.getByLabelText("Columns")).toHaveProperty("value", "id");
    expect(screen.getByLabelText("Limit")).toHaveProperty("value", "5");
  });

  it("shows the same request as a line of supabase-js, to copy", async () => {
    const { user } = await opened("/request/orders?of=customers&select=id&limit=5");
    const line = 'const { data, error } = await supabase.from("customers").select("id").limit(5)';
    expect(screen.getByText(line)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Copy the supabase-js line" }));
    expect(await window.navigator.clipboard.readText()).toBe(line);
  });

  it("shows PostgREST's error with Postern's hint", async () => {
    const { backend, user } = await opened("/request/orders?of=orders");
    const grant = "grant select on public.orders to anon;";
    backend.onForward = async function* () {
      const error = { code: "42501", message: "permission denied for table orders" };
      yield head(401, JSON_TYPE);
      yield body(JSON.stringify({ ...error, details: null, hint: null }));
      yield answered(grant);
    };
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    const alert = within(await screen.findByRole("alert"));
    expect(alert.getByText("The project responded with status 401")).toBeTruthy();
    expect(alert.getByText("42501")).toBeTruthy();
    expect(alert.getByText("permission denied for table orders")).toBeTruthy();
    expect(alert.getByText(grant)).toBeTruthy();
  });

  it("shows an error of Postern itself", async () => {
    const { backend, user } = await opened("/request/orders?of=orders");
    backend.onForward = async function* () {
      yield* [];
      throw refusal(Code.ResourceExhausted, "RESPONSE_TOO_LARGE", "more than 64 MiB");
    };
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    expect(await screen.findByText("The response is too large")).toBeTruthy();
  });

  it("can be cancelled", async () => {
    const { backend, user } = await opened("/request/orders?of=orders");
    backend.onForward = async function* (_request, context) {
      yield head(200, JSON_TYPE);
      yield await untilCancelled(context);
    };
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    await user.click(await screen.findByRole("button", { name: "Cancel" }));
    expect((await screen.findAllByText("Cancelled")).length).toBeGreaterThan(0);
  });

  it("offers only methods that read if the connection is read-only", async () => {
    await opened();
    const method = screen.getByLabelText<HTMLSelectElement>("Method");
    expect([...method.options].map(({ value }) => value)).toEqual(["GET", "HEAD"]);
  });

  it("writes no row without a filter, and calls functions with arguments", async () => {
    const { backend, user } = await opened("/request/orders?of=orders", AccessMode.READ_WRITE);
    await waitFor(() => expect(screen.getByRole("option", { name: "DELETE" })).toBeTruthy());
    await user.selectOptions(screen.getByLabelText("Method"), "DELETE");
    expect(screen.getByText(/would change every row/)).toBeTruthy();
    await user.keyboard("{Control>}{Enter}{/Control}");
    expect(backend.forwards).toHaveLength(0);

    await user.click(screen.getByRole("radio", { name: "Function" }));
    await user.selectOptions(screen.getByLabelText("Method"), "POST");
    await user.click(screen.getByLabelText("Arguments (JSON)"));
    await user.paste('{"of": 7}');
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    await waitFor(() => expect(backend.forwards).toHaveLength(1));
    expect(backend.forwards[0]).toMatchObject({
      method: HttpMethod.POST,
      path: ["rpc", "orders"],
    });
    expect(new TextDecoder().decode(backend.forwards[0]?.body)).toBe('{"of": 7}');
  });
});

describe("the options of a request", () => {
  it("count, upsert and CSV are sent, and CSV is shown as it is", async () => {
    const { backend, user } = await opened("/request/orders?of=orders", AccessMode.READ_WRITE);
    backend.onForward = async function* () {
      yield head(201, { "content-type": "text/csv", "content-range": "*/1" });
      yield body("id,total\n1,12.50\n");
      yield answered();
    };
    await waitFor(() => expect(screen.getByRole("option", { name: "POST" })).toBeTruthy());
    expect(screen.queryByLabelText(/^Replace rows/)).toBeNull();
    await user.selectOptions(screen.getByLabelText("Method"), "POST");
    await user.click(screen.getByLabelText(/^Replace rows/));
    await user.click(screen.getByLabelText("Rows (JSON)"));
    await user.paste('{"id": 1}');
    await user.selectOptions(screen.getByLabelText("Count"), "exact");
    await user.selectOptions(screen.getByLabelText("Format"), "csv");
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    const text = await screen.findByRole("region", { name: "Response body" });
    expect(text.textContent).toBe("id,total\n1,12.50\n");
    expect(screen.getByText("Range */1")).toBeTruthy();
    expect(backend.forwards[0]?.headers.map(({ name, value }) => [name, value])).toEqual([
      ["accept", "text/csv"],
      ["content-type", "application/json"],
      ["prefer", "return=representation,resolution=merge-duplicates,count=exact"],
    ]);
  });

  it("a user's token is asked for only where the connection passes it on, and not put into the URL", async () => {
    await opened("/request/orders?of=orders");
    await screen.findByText("abcdefghijklmnopqrst", { selector: "header *" });
    expect(screen.queryByLabelText("User's token")).toBeNull();
    cleanup();

    const backend = new Backend();
    backend.saveProject("orders", { userTokens: true });
    const { user } = await renderConsole(backend, { at: "/request/orders?of=orders" });
    await user.click(await screen.findByLabelText("User's token"));
    await user.paste("a.b.c");
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    await waitFor(() => expect(backend.forwards).toHaveLength(1));
    expect(backend.forwards[0]?.userToken).toBe("a.b.c");
    expect(window.location.href).not.toContain("a.b.c");
  });
});

describe("a connection's page", () => {
  it("is the one for its kind, whatever the URL says", async () => {
    const { backend } = await opened("/query/orders");
    expect(window.location.pathname).toBe("/request/orders");
    expect(backend.queries).toHaveLength(0);
  });

  it("opens when a project has been added", async () => {
    const { user } = await renderConsole(new Backend(), { at: "/connections/new" });
    await user.click(await screen.findByLabelText("Project URL or connection string"));
    await user.paste(PROJECT_URL);
    await user.click(screen.getByLabelText("Publishable or anon key"));
    await user.paste("sb_publishable_0123456789abcdefghijkl_9xyz");
    const dialog = within(screen.getByRole("dialog"));
    await user.click(dialog.getByRole("button", { name: "Add connection" }));
    await waitFor(() => expect(window.location.pathname).toMatch(/^\/request\//));
  });
});

it("the request page is translated", async () => {
  const backend = new Backend();
  backend.saveProject("orders");
  await renderConsole(backend, { at: "/request/orders", language: "ru" });
  expect(await screen.findByLabelText("Имя таблицы")).toBeTruthy();
  expect(screen.getByText("Введите имя таблицы или функции.")).toBeTruthy();
});
