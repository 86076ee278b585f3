import { Code } from "@connectrpc/connect";
import { screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Backend, refusal } from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";

/** Files that the page has the browser save. jsdom does not. */
function downloads() {
  const files: { name: string; content: Promise<string> }[] = [];
  let blob: Blob | null = null;
  vi.stubGlobal(
    "URL",
    Object.assign(window.URL, {
      createObjectURL: (content: Blob) => {
        blob = content;
        return "blob:here";
      },
      revokeObjectURL: () => {},
    }),
  );
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    if (blob) files.push({ name: this.download, content: blob.text() });
  });
  return files;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("exporting", () => {
  it("downloads the document and names the file", async () => {
    const backend = new Backend();
    backend.save("shop");
    const files = downloads();
    const { user } = await renderConsole(backend, { at: "/" });
    await user.click(await screen.findByRole("link", { name: "Settings" }));
    await user.click(await screen.findByRole("button", { name: "Export" }));
    expect(
      await screen.findByText(/^Downloaded postern-data-\d{4}-\d\d-\d\d\.json\.$/),
    ).toBeTruthy();
    expect(files[0]?.name).toMatch(/^postern-data-.*\.json$/);
    expect(JSON.parse((await files[0]?.content) ?? "")).toEqual({ names: ["shop"] });
    expect(document.title).toBe("Settings · Postern");
  });

  it("shows what went wrong, and downloads nothing", async () => {
    const backend = new Backend();
    backend.exportFault = refusal(Code.Unavailable, "DEPENDENCY_UNAVAILABLE", "not now");
    const files = downloads();
    const { user } = await renderConsole(backend, { at: "/settings" });
    await user.click(await screen.findByRole("button", { name: "Export" }));
    expect(await screen.findByText("not now")).toBeTruthy();
    expect(files).toEqual([]);
  });
});

async function openDialog(backend: Backend, language: "en" | "ru" = "en") {
  const erase = language === "en" ? "Delete everything" : "Удалить всё";
  const { user } = await renderConsole(backend, { at: "/settings", language });
  await user.click(await screen.findByRole("button", { name: erase }));
  const dialog = within(await screen.findByRole("dialog"));
  return { user, dialog, button: dialog.getByRole("button", { name: erase }) };
}

describe("deleting everything", () => {
  it.each([
    ["en", "Delete"],
    ["ru", " удалить "],
  ] as const)("needs a typed word, in %s", async (language, word) => {
    const backend = new Backend();
    backend.save("shop");
    const { user, dialog, button } = await openDialog(backend, language);
    const field = dialog.getByRole("textbox");
    await waitFor(() => expect(document.activeElement).toBe(field));
    await user.type(field, "yes{Enter}");
    expect(button).toHaveProperty("disabled", true);
    expect(backend.erasures).toBe(0);
    await user.clear(field);
    await user.type(field, `${word}{Enter}`);
    await waitFor(() => expect(backend.erasures).toBe(1));
  });

  it("empties the list of connections and says what was deleted", async () => {
    const backend = new Backend();
    backend.save("demo");
    backend.save("shop");
    const { user, dialog, button } = await openDialog(backend);
    await user.type(dialog.getByRole("textbox"), "delete");
    await user.click(button);
    expect(
      await screen.findByText(
        "Deleted 2 connections and their secrets. Nothing is stored about you any more.",
      ),
    ).toBeTruthy();
    expect(await screen.findByText("No connections")).toBeTruthy();
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("deletes nothing when it is cancelled", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { user, dialog } = await openDialog(backend);
    await user.type(dialog.getByRole("textbox"), "delete");
    await user.click(dialog.getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(backend.erasures).toBe(0);
  });

  it("keeps the dialog open with the error if it fails", async () => {
    const backend = new Backend();
    backend.save("shop");
    backend.eraseFault = refusal(Code.Internal, "INTERNAL", "out of order");
    const { user, dialog, button } = await openDialog(backend);
    await user.type(dialog.getByRole("textbox"), "delete");
    await user.click(button);
    expect(await dialog.findByText("out of order")).toBeTruthy();
    expect(screen.getByRole("link", { name: /^shop/, hidden: true })).toBeTruthy();
  });
});
