import { Code, ConnectError } from "@connectrpc/connect";
import { Encoding, SqlErrorSchema, Truncation } from "@postern/client/protocol";
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Backend, batch, header, refusal, summary, untilCancelled } from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";

const AT = "/query/shop";

const columns = [
  { name: "id", typeName: "int8", encoding: Encoding.INT },
  { name: "status", typeName: "text", encoding: Encoding.TEXT },
];

function shop(): Backend {
  const backend = new Backend();
  backend.save("shop");
  return backend;
}

/** Waits for the editor, which is loaded on demand, then clicks Run. */
async function run(user: { click: (element: Element) => Promise<void> }) {
  await screen.findByRole("textbox", { name: "SQL statement" });
  await user.click(screen.getByRole("button", { name: /Run/ }));
}

/** Replaces the statement with an input event, because jsdom has no layout to type into. */
function write(sql: string) {
  const editor = screen.getByRole("textbox", { name: "SQL statement" });
  editor.textContent = sql;
  fireEvent.input(editor);
}

/** Ctrl-Enter in the editor. */
function pressRun() {
  const editor = screen.getByRole("textbox", { name: "SQL statement" });
  fireEvent.keyDown(editor, { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true });
}

describe("a result", () => {
  it("shows exact numbers, NULL, column types and the facts of the run", async () => {
    const backend = shop();
    backend.onQuery = async function* () {
      yield header(columns);
      const nulls = new Uint8Array([0b10]);
      yield batch(2, [{ ints: [9_007_199_254_740_993n, 2n] }, { nulls, texts: ["paid", ""] }]);
      yield summary(2, Truncation.ROW_LIMIT, "shop_reader");
    };
    const { user } = await renderConsole(backend, { at: AT });
    await run(user);

    const grid = within(await screen.findByRole("grid", { name: "Results from shop" }));
    expect(grid.getByText("9007199254740993")).toBeTruthy();
    expect(grid.getByText("NULL")).toBeTruthy();
    expect(grid.getByText("int8")).toBeTruthy();
    expect(await screen.findByText("Truncated at 2 rows")).toBeTruthy();
    expect(screen.getByTestId("row-count").textContent).toBe("2 rows");
    expect(screen.getByText("Role shop_reader")).toBeTruthy();
  });

  it("grows while rows arrive, and keeps them when cancelled", async () => {
    const backend = shop();
    backend.onQuery = async function* (_request, context) {
      yield header(columns.slice(0, 1));
      yield batch(3, [{ ints: [1n, 2n, 3n] }]);
      yield await untilCancelled(context);
    };
    const { user } = await renderConsole(backend, { at: AT });
    await run(user);
    await waitFor(() => expect(screen.getByTestId("row-count").textContent).toBe("3 rows"));
    expect(screen.getByRole("grid").getAttribute("aria-rowcount")).toBe("4");

    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("Cancelled")).toBeTruthy();
    expect(screen.getByText("Rows received before the query stopped.")).toBeTruthy();
    expect(screen.getByRole("grid")).toBeTruthy();
  });

  it("explains an empty result", async () => {
    const backend = shop();
    backend.onQuery = async function* () {
      yield header(columns);
      yield summary(0);
    };
    const { user } = await renderConsole(backend, { at: AT });
    expect(await screen.findByText("No results yet")).toBeTruthy();
    await run(user);
    expect(await screen.findByText("No rows returned")).toBeTruthy();
  });

  it("can be navigated with the arrow keys and copied exactly", async () => {
    const backend = shop();
    backend.onQuery = async function* () {
      yield header(columns);
      yield batch(2, [{ ints: [1n, 2n] }, { texts: ["first", "a\nb"] }]);
      yield summary(2);
    };
    const { user } = await renderConsole(backend, { at: AT });
    await run(user);
    const grid = await screen.findByRole("grid");
    grid.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}{ArrowRight}");
    expect(grid.getAttribute("aria-activedescendant")).toBe("cell-1-1");
    const copied = new Map<string, string>();
    fireEvent.copy(grid, {
      clipboardData: { setData: (type: string, text: string) => copied.set(type, text) },
    });
    expect(copied.get("text/plain")).toBe("a\nb");
  });
});

describe("a failure", () => {
  it("shows the database's message and the error position", async () => {
    const backend = shop();
    backend.onQuery = async function* () {
      const value = {
        sqlstate: "42P01",
        message: 'relation "table_schema" does not exist',
        detail: "It never did.",
        hint: "Create it.",
        position: 8,
      };
      yield* [];
      throw new ConnectError("refused", Code.InvalidArgument, undefined, [
        { desc: SqlErrorSchema, value },
      ]);
    };
    const { user } = await renderConsole(backend, { at: AT });
    await run(user);
    const alert = within(await screen.findByRole("alert"));
    expect(alert.getByText("SQLSTATE 42P01")).toBeTruthy();
    expect(alert.getByText('relation "table_schema" does not exist')).toBeTruthy();
    expect(alert.getByText("It never did.")).toBeTruthy();
    expect(alert.getByText("Create it.")).toBeTruthy();
    expect(alert.getByText("Line 1, column 8")).toBeTruthy();
    expect(document.querySelector(".cm-sql-error")?.textContent).toBe("table_schema");
  });

  it("translates Postern's reason and shows the hint", async () => {
    const backend = shop();
    backend.onQuery = async function* () {
      yield* [];
      throw refusal(Code.NotFound, "CONNECTION_NOT_FOUND", "no such connection", {
        hint: "Look again.",
      });
    };
    const { user } = await renderConsole(backend, { at: AT, language: "ru" });
    await screen.findByRole("textbox", { name: "SQL-запрос" });
    await user.click(screen.getByRole("button", { name: /Выполнить/ }));
    expect(await screen.findByText("Подключение не найдено")).toBeTruthy();
    expect(screen.getByText("no such connection")).toBeTruthy();
    expect(screen.getByText("Look again.")).toBeTruthy();
  });
});

describe("parameters", () => {
  it("are requested, validated and sent", async () => {
    const backend = shop();
    const { user } = await renderConsole(backend, { at: AT });
    await screen.findByRole("textbox", { name: "SQL statement" });
    write("select $1, $2, $3");
    await user.selectOptions(await screen.findByLabelText("Type of $1"), "number");
    await user.type(screen.getByLabelText("Value of $1"), "twelve");
    expect(screen.getByRole("button", { name: /Run/ })).toHaveProperty("disabled", true);
    pressRun();
    expect(backend.queries).toHaveLength(0);
    await user.clear(screen.getByLabelText("Value of $1"));
    await user.type(screen.getByLabelText("Value of $1"), "12");
    await user.selectOptions(screen.getByLabelText("Type of $2"), "null");
    await user.type(screen.getByLabelText("Value of $3"), "x");
    pressRun();
    await waitFor(() => expect(backend.queries).toHaveLength(1));
    expect(backend.queries[0]?.sql).toBe("select $1, $2, $3");
    expect(backend.queries[0]?.parameters.map(({ kind }) => kind.value)).toEqual([
      12n,
      undefined,
      "x",
    ]);
  });
});

it("a query tab is kept while another connection is open", async () => {
  const backend = shop();
  backend.save("other");
  backend.onQuery = async function* (request) {
    yield header([{ name: request.connection, typeName: "text", encoding: Encoding.TEXT }]);
    yield batch(1, [{ texts: [`row of ${request.connection}`] }]);
    yield summary(1);
  };
  const { user } = await renderConsole(backend, { at: AT });
  await run(user);
  await screen.findByText("row of shop");
  await user.click(screen.getByRole("link", { name: /^other/ }));
  expect(await screen.findByText("No results yet")).toBeTruthy();
  await user.click(screen.getByRole("link", { name: /^shop/ }));
  expect(await screen.findByText("row of shop")).toBeTruthy();
});
