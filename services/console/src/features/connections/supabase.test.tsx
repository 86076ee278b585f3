import { Code } from "@connectrpc/connect";
import {
  AccessMode,
  SecretName,
  ServingKey,
  SupabaseKeySort,
  SupabaseService,
} from "@postern/client";
import { cleanup, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Backend, PROJECT_URL, refusal } from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";

const REF = "abcdefghijklmnopqrst";
const PUBLISHABLE = "sb_publishable_0123456789abcdefghijkl_9xyz";
const SECRET = "sb_secret_0123456789abcdefghijklmnop_3f2a";

function legacyKey(role: string, ref: string): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  return `${part({ alg: "HS256" })}.${part({ iss: "supabase", role, ref })}.${"s".repeat(43)}`;
}

const field = (name: string) => screen.findByLabelText(name, { selector: "input" });
const PASTE = "Project URL or connection string";
const PUBLISHABLE_FIELD = "Publishable or anon key";
const SECRET_FIELD = "Secret or service_role key";

async function adding() {
  const backend = new Backend();
  const { user } = await renderConsole(backend, { at: "/connections/new" });
  const paste = async (label: string, text: string) => {
    await user.click(await field(label));
    await user.paste(text);
  };
  const submit = async () =>
    user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Add connection" }));
  return { backend, user, paste, submit };
}

describe("adding a Supabase project", () => {
  it("takes a dashboard URL and one key, which then serves, read-only", async () => {
    const { backend, paste, submit } = await adding();
    await paste(PASTE, `https://supabase.com/dashboard/project/${REF}/editor`);
    expect(await field("Project URL")).toHaveProperty("value", PROJECT_URL);
    await paste(PUBLISHABLE_FIELD, PUBLISHABLE);
    expect(screen.getByText("Publishable")).toBeTruthy();
    await submit();
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]).toMatchObject({
      name: REF,
      publishableKey: PUBLISHABLE,
      endpoint: {
        case: "supabase",
        value: {
          url: PROJECT_URL,
          servingKey: ServingKey.PUBLISHABLE,
          accessMode: AccessMode.READ_ONLY,
          services: [],
          userTokens: false,
        },
      },
    });
    expect(backend.upserts[0]?.secretKey).toBeUndefined();
  });

  it("asks which key serves if both are given", async () => {
    const { backend, user, paste, submit } = await adding();
    await paste(PASTE, PROJECT_URL);
    await paste(PUBLISHABLE_FIELD, PUBLISHABLE);
    await paste(SECRET_FIELD, SECRET);
    await submit();
    expect(screen.getByText("Choose the key that requests are made with.")).toBeTruthy();
    expect(backend.upserts).toHaveLength(0);
    expect(screen.getByText(/^Bypasses the project's row level security/)).toBeTruthy();
    await user.click(screen.getByRole("radio", { name: /^Use the secret/ }));
    await submit();
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]).toMatchObject({
      secretKey: SECRET,
      endpoint: { value: { servingKey: ServingKey.SECRET } },
    });
  });

  it("refuses a secret key in the publishable key's field while it is entered", async () => {
    const { paste } = await adding();
    await paste(PUBLISHABLE_FIELD, SECRET);
    expect(screen.getByText(/Enter it in the field for the secret key/)).toBeTruthy();
    expect((await field(PUBLISHABLE_FIELD)).getAttribute("aria-invalid")).toBe("true");
  });

  it("names both projects if a legacy key belongs to another one", async () => {
    const { paste } = await adding();
    await paste(PASTE, PROJECT_URL);
    await paste(PUBLISHABLE_FIELD, legacyKey("anon", "zzzzzzzzzzzzzzzzzzzz"));
    expect(screen.getByText("anon (legacy)")).toBeTruthy();
    const problem = screen.getByText(/belongs to project zzzzzzzzzzzzzzzzzzzz/);
    expect(problem.textContent).toContain(REF);
  });

  it("puts a pasted key into the field it belongs in", async () => {
    const { paste } = await adding();
    await paste(PASTE, SECRET);
    expect(await field(SECRET_FIELD)).toHaveProperty("value", SECRET);
    expect(await field(PASTE)).toHaveProperty("value", "");
  });

  it("links to the project's own page of the dashboard once the project is known", async () => {
    const { paste } = await adding();
    await field("Project URL");
    const links = () =>
      screen.getAllByRole("link", { name: /API Keys/ }).map((link) => link.getAttribute("href"));
    expect(new Set(links())).toEqual(
      new Set(["https://supabase.com/dashboard/project/_/settings/api-keys"]),
    );
    await paste(PASTE, PROJECT_URL);
    expect(new Set(links())).toEqual(
      new Set([`https://supabase.com/dashboard/project/${REF}/settings/api-keys`]),
    );
  });

  it("keeps a draft for each kind", async () => {
    const { user, paste } = await adding();
    await paste("Project URL", PROJECT_URL);
    await user.click(screen.getByRole("radio", { name: "Postgres" }));
    await user.type(await field("Host"), "db.example.com");
    expect(window.location.search).toBe("?kind=postgres");
    await user.click(screen.getByRole("radio", { name: "Supabase project" }));
    expect(await field("Project URL")).toHaveProperty("value", PROJECT_URL);
    await user.click(screen.getByRole("radio", { name: "Postgres" }));
    expect(await field("Host")).toHaveProperty("value", "db.example.com");
  });

  it("requires a name, a URL and a key", async () => {
    const { backend, submit } = await adding();
    await field("Project URL");
    await submit();
    expect(screen.getAllByText("This field is required.")).toHaveLength(2);
    expect(screen.getByText("Enter at least one of the two keys.")).toBeTruthy();
    expect(backend.upserts).toHaveLength(0);
  });

  it("shows the server's error at the key it concerns", async () => {
    const { backend, paste, submit } = await adding();
    backend.upsertFault = refusal(Code.InvalidArgument, "INVALID_KEY", "the key was revoked", {
      field: "publishable_key",
    });
    await paste(PASTE, PROJECT_URL);
    await paste(PUBLISHABLE_FIELD, PUBLISHABLE);
    await submit();
    await screen.findByText("Invalid key");
    expect((await field(PUBLISHABLE_FIELD)).getAttribute("aria-invalid")).toBe("true");
  });
});

const bothKeys = [
  {
    name: SecretName.PUBLISHABLE_KEY,
    keySort: SupabaseKeySort.PUBLISHABLE,
    lastCharacters: "9xyz",
  },
  { name: SecretName.SECRET_KEY, keySort: SupabaseKeySort.SECRET, lastCharacters: "3f2a" },
];

async function editing() {
  const backend = new Backend();
  backend.saveProject("orders", { servingKey: ServingKey.PUBLISHABLE }, bothKeys);
  const { user } = await renderConsole(backend, { at: "/connections/orders/edit" });
  await field("Project URL");
  return { backend, user, save: () => user.click(screen.getByRole("button", { name: "Save" })) };
}

describe("editing a Supabase project", () => {
  it("shows stored keys by sort and last characters only, and replaces one of them", async () => {
    const { backend, user, save } = await editing();
    expect(screen.getByText("sb_publishable_••••9xyz")).toBeTruthy();
    expect(screen.getByText("sb_secret_••••3f2a")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: `Replace: ${SECRET_FIELD}` }));
    await user.click(await field(SECRET_FIELD));
    await user.paste(SECRET);
    await save();
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]).toMatchObject({ secretKey: SECRET, expectedVersion: 3n });
    expect(backend.upserts[0]?.publishableKey).toBeUndefined();
  });

  it("removes a key on request, and can take that back before saving", async () => {
    const { backend, user, save } = await editing();
    const label = `Remove: ${SECRET_FIELD}`;
    await user.click(screen.getByRole("button", { name: label }));
    await user.click(screen.getByRole("button", { name: `Keep stored: ${SECRET_FIELD}` }));
    await user.click(screen.getByRole("button", { name: label }));
    await save();
    await waitFor(() => expect(backend.upserts[0]?.secretKey).toBe(""));
  });

  it("asks for the keys again when the project changes", async () => {
    const { backend, user, save } = await editing();
    await user.clear(await field("Project URL"));
    await user.type(await field("Project URL"), "https://bbcdefghijklmnopqrst.supabase.co");
    await save();
    expect(screen.getAllByText(/^The project changed/)).toHaveLength(2);
    expect(backend.upserts).toHaveLength(0);
  });

  it("saves the advanced settings", async () => {
    const { backend, user, save } = await editing();
    await user.click(screen.getByLabelText("Storage"));
    await user.type(await field("Schema"), "api");
    await user.click(screen.getByRole("switch", { name: /^User tokens/ }));
    await save();
    await waitFor(() => expect(backend.upserts).toHaveLength(1));
    expect(backend.upserts[0]?.endpoint.value).toMatchObject({
      services: [SupabaseService.STORAGE],
      schema: "api",
      userTokens: true,
    });
  });

  it("rejects a pasted connection string", async () => {
    const { user } = await editing();
    await user.click(await field(PASTE));
    await user.paste("postgresql://app:s3cret@db.example.com/shop");
    expect(screen.getByText(/belongs to another kind/)).toBeTruthy();
  });
});

it("the list shows each connection's kind, endpoint and keys", async () => {
  const backend = new Backend();
  backend.save("shop");
  backend.saveProject("orders", {}, bothKeys);
  await renderConsole(backend, { at: "/connections" });
  const row = within(await screen.findByRole("row", { name: /orders/ }));
  expect(row.getByText("Supabase project")).toBeTruthy();
  expect(row.getByText(REF)).toBeTruthy();
  expect(row.getByText("••••3f2a")).toBeTruthy();
  expect(within(screen.getByRole("row", { name: /shop/ })).getByText("Postgres")).toBeTruthy();
});

it.each([
  [ServingKey.PUBLISHABLE, "Publishable", "Secret"],
  [ServingKey.SECRET, "Secret", "Publishable"],
])(
  "the key that serves is marked in the list and shown above requests (%i)",
  async (servingKey, serving, other) => {
    const backend = new Backend();
    backend.saveProject("orders", { servingKey }, bothKeys);
    await renderConsole(backend, { at: "/connections" });
    const tag = async (name: string) => within(await screen.findByText(name));
    expect((await tag(serving)).getByLabelText("Used for requests")).toBeTruthy();
    expect((await tag(other)).queryByLabelText("Used for requests")).toBeNull();
    cleanup();

    await renderConsole(backend, { at: "/request/orders" });
    const header = within(await screen.findByRole("banner"));
    expect(await header.findByText(serving)).toBeTruthy();
    expect(header.queryByText(other)).toBeNull();
  },
);
