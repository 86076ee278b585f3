import { Code } from "@connectrpc/connect";
import { AccessMode } from "@postern/client";
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Backend, refusal } from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";

afterEach(() => {
  vi.useRealTimers();
});

const PASTE = "Project URL or connection string";
const ADD = "/connections/new?kind=postgres";
const EDIT = "/connections/shop/edit";

describe("adding a connection", () => {
  it("picks Postgres for a pasted string, fills the form from it and clears it", async () => {
    const backend = new Backend();
    const { user } = await renderConsole(backend, { at: "/connections/new?kind=supabase" });
    await user.click(await screen.findByLabelText(PASTE));
    await user.paste("postgresql://app:s3cret@db.example.com:6543/shop");

    expect(screen.getByLabelText(PASTE)).toHaveProperty("value", "");
    expect(await screen.findByLabelText("Host")).toHaveProperty("value", "db.example.com");
    expect(screen.getByLabelText("Port")).toHaveProperty("value", "6543");
    expect(screen.getByLabelText("Password")).toHaveProperty("type", "password");

    await user.click(
      within(screen.getByRole("dialog")).getByRole("button", { name: "Add connection" }),
    );
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]).toMatchObject({
      name: "shop",
      password: "s3cret",
      expectedVersion: 0n,
      endpoint: { value: { host: "db.example.com", port: 6543, accessMode: AccessMode.READ_ONLY } },
    });
    await waitFor(() => expect(window.location.pathname).toBe("/query/shop"));
  });

  it("keeps an invalid string and explains what is wrong", async () => {
    const { user } = await renderConsole(new Backend(), { at: ADD });
    const field = await screen.findByLabelText(PASTE);
    await user.click(field);
    await user.paste("postgres://app:100%@db/shop");
    expect(field).toHaveProperty("value", "postgres://app:100%@db/shop");
    expect(screen.getByText(/Percent-encode special characters/)).toBeTruthy();
  });

  it("sends nothing while required fields are empty", async () => {
    const backend = new Backend();
    const { user } = await renderConsole(backend, { at: ADD });
    const dialog = within(await screen.findByRole("dialog"));
    await user.click(dialog.getByRole("button", { name: "Add connection" }));
    expect(dialog.getAllByText("This field is required.")).toHaveLength(4);
    expect(backend.upserts).toHaveLength(0);
  });

  it("shows the server's error at the field it concerns", async () => {
    const backend = new Backend();
    const hint = "Use the pooler's host.";
    backend.upsertFault = refusal(Code.InvalidArgument, "INVALID_FIELD", "the host has only IPv6", {
      field: "postgres.host",
      hint,
    });
    const { user } = await renderConsole(backend, { at: ADD });
    await user.click(await screen.findByLabelText(PASTE));
    await user.paste("postgresql://app:s3cret@db.example.com/shop");
    await user.click(
      within(screen.getByRole("dialog")).getByRole("button", { name: "Add connection" }),
    );
    expect(await screen.findByText(hint, { exact: false })).toBeTruthy();
    expect(screen.getByLabelText("Host").getAttribute("aria-invalid")).toBe("true");
  });
});

describe("editing a connection", () => {
  it("does not receive the stored password, and keeps it if none is entered", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { user } = await renderConsole(backend, { at: EDIT });
    await screen.findByRole("group", { name: "Password" });
    expect(screen.queryByLabelText("Password", { selector: "input" })).toBeNull();
    await user.click(screen.getByRole("switch", { name: /^Read-only/ }));
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]?.password).toBeUndefined();
    expect(backend.upserts[0]).toMatchObject({
      expectedVersion: 3n,
      endpoint: { value: { accessMode: AccessMode.READ_WRITE } },
    });
  });

  it("requires the password again when the endpoint changes", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { user } = await renderConsole(backend, { at: EDIT });
    await user.clear(await screen.findByLabelText("Host"));
    await user.type(screen.getByLabelText("Host"), "elsewhere.example.com");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(screen.getAllByText(/^The endpoint changed/).length).toBeGreaterThan(0);
    expect(backend.upserts).toHaveLength(0);

    await user.type(screen.getByLabelText("Password"), "n3w");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(backend.upserts[0]?.password).toBe("n3w"));
  });

  it("saves against the version it was opened with, even after a refetch", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { user } = await renderConsole(backend, { at: EDIT });
    await screen.findByLabelText("Host");

    backend.save("shop", { user: "changed-elsewhere" }, 4n);
    const fetched = backend.authorizations.length;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    fireEvent(window, new Event("visibilitychange"));
    await waitFor(() => expect(backend.authorizations.length).toBeGreaterThan(fetched));
    await screen.findAllByText("changed-elsewhere");

    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]).toMatchObject({
      expectedVersion: 3n,
      endpoint: { value: { user: "reader" } },
    });
  });

  it("offers the latest version when its own is stale", async () => {
    const backend = new Backend();
    backend.save("shop");
    backend.upsertFault = refusal(Code.Aborted, "VERSION_STALE", "another version is stored");
    const { user } = await renderConsole(backend, { at: EDIT });
    await user.type(await screen.findByLabelText("User"), "2");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByText("This connection changed after you opened it");

    backend.stored.length = 0;
    backend.save("shop", { user: "changed-elsewhere" });
    await user.click(screen.getByRole("button", { name: "Load latest version" }));
    await waitFor(() =>
      expect(screen.getByLabelText("User")).toHaveProperty("value", "changed-elsewhere"),
    );
  });
});

describe("the connection list", () => {
  it("asks for confirmation, and deletes the version it showed", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { user } = await renderConsole(backend, { at: "/connections" });
    await user.click(await screen.findByRole("button", { name: "Delete: shop" }));
    expect(await screen.findByText("Delete shop?")).toBeTruthy();
    expect(backend.deletes).toHaveLength(0);
    await user.click(screen.getByRole("button", { name: "Delete connection" }));
    await screen.findByText("No connections yet");
    expect(backend.deletes[0]).toMatchObject({ name: "shop", expectedVersion: 3n });
  });

  it("shows a server error, and retries on request", async () => {
    const backend = new Backend();
    backend.listFault = refusal(Code.Internal, "", "out of order");
    const { user } = await renderConsole(backend, { at: "/connections" });
    await screen.findByText("out of order");
    backend.listFault = null;
    backend.save("shop");
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("table")).toBeTruthy();
  });

  it("sends the user's token, and asks to sign in again when a new one is rejected too", async () => {
    const backend = new Backend();
    backend.listFault = refusal(Code.Unauthenticated, "UNAUTHENTICATED", "no");
    await renderConsole(backend);
    await screen.findByText("Postern does not accept this sign-in");
    const [first, second, ...others] = backend.authorizations;
    expect(first).toMatch(/^Bearer \S+\.\S+\.\S+$/);
    expect(second).not.toBe(first);
    expect(others).toEqual([]);
  });
});
