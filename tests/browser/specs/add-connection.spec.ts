import { expect, test } from "@playwright/test";
import { addTenant, grid, PASTE, paste, run, signIn, write } from "../console";
import { environment } from "../environment";

test("a connection added from a pasted string runs a query with parameters", async ({ page }) => {
  await signIn(page);
  await addTenant(page, "second-tenant");
  await write(page, "select $1::int8 + 1 as next, $2::text as word");
  await page.getByLabel("Type of $1").selectOption("number");
  await page.getByLabel("Value of $1").fill("9007199254740992");
  await page.getByLabel("Value of $2").fill("gate");
  await page.getByRole("button", { name: /^Run/ }).click();
  // Not representable as a double, so it is exact only if it was never converted to one.
  await expect(grid(page).getByRole("gridcell", { name: "9007199254740993" })).toBeVisible();
  await expect(grid(page).getByRole("gridcell", { name: "gate" })).toBeVisible();
});

test("NULL is distinguished from empty text", async ({ page }) => {
  await signIn(page);
  await run(page, "select null::text as nothing, '' as empty, true as yes");
  await expect(grid(page).getByRole("gridcell", { name: "NULL" })).toHaveCount(1);
  await expect(grid(page).getByRole("gridcell", { name: "true" })).toBeVisible();
});

test("a valid connection string is cleared from its field", async ({ page }) => {
  await signIn(page);
  await page.goto("/connections/new");
  const field = page.getByLabel(PASTE);
  await paste(field, environment.tenantDsn);
  await expect(field).toHaveValue("");
  await expect(page).toHaveURL(/kind=postgres$/);
  await expect(page.getByLabel("Host")).not.toHaveValue("");
  await expect(page.getByLabel("Password")).toHaveAttribute("type", "password");
  await expect(page.getByRole("switch", { name: /^Read-only/ })).toBeChecked();
});

test("a dashboard URL picks a Supabase project, and a key in the wrong field is refused", async ({
  page,
}) => {
  await signIn(page);
  await page.goto("/connections/new?kind=postgres");
  const ref = "abcdefghijklmnopqrst";
  await paste(page.getByLabel(PASTE), `https://supabase.com/dashboard/project/${ref}/editor`);
  await expect(page.getByLabel("Project URL", { exact: true })).toHaveValue(
    `https://${ref}.supabase.co`,
  );
  await expect(page.getByRole("link", { name: /API Keys/ }).first()).toHaveAttribute(
    "href",
    `https://supabase.com/dashboard/project/${ref}/settings/api-keys`,
  );
  await page
    .getByLabel("Publishable or anon key")
    .fill("sb_secret_0123456789abcdefghijklmnop_3f2a");
  await expect(page.getByText("This is a secret key.", { exact: false })).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Publishable or anon key")).toHaveValue("");
});
