import { expect, type Page, test } from "@playwright/test";
import {
  addTenant,
  grid,
  openConnections,
  run,
  secondTab,
  signIn,
  tenantPassword,
} from "../console";
import { Received, storedBy } from "../received";

const NAME = "second-tenant";

test("an edit without a password keeps the stored one, and no password is ever sent back", async ({
  page,
}) => {
  const received = new Received(page);
  await signIn(page);
  await addTenant(page, NAME);
  await expectNoPassword(page, received);

  await edit(page);
  await expect(page.getByRole("group", { name: "Password" })).toContainText("••••••••");
  await expect(page.locator("input[type=password]")).toHaveCount(0);
  await page.getByRole("switch", { name: /^Read-only/ }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row", { name: new RegExp(NAME) })).toContainText("Read-write");

  await page.getByRole("table").getByRole("link", { name: NAME }).click();
  await run(page, "select 1 as still_works");
  await expect(grid(page).getByRole("gridcell", { name: "1", exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: NAME })).toBeVisible();
  await expectNoPassword(page, received);
});

test("changing the endpoint requires the password again", async ({ page }) => {
  await signIn(page);
  await addTenant(page, NAME);
  await edit(page);
  await page.getByLabel("Database").fill("another_database");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The endpoint changed").first()).toBeVisible();
  await expect(page.getByRole("dialog")).toBeVisible();
});

test("a stale edit is rejected and can be redone on the latest version", async ({ page }) => {
  await signIn(page);
  await addTenant(page, NAME);
  await edit(page);

  const other = await secondTab(page, "/connections");
  await edit(other);
  await other.getByRole("switch", { name: /^Read-only/ }).click();
  await other.getByRole("button", { name: "Save" }).click();
  await expect(other.getByRole("dialog")).toBeHidden();

  await page.getByRole("switch", { name: /^Read-only/ }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("This connection changed after you opened it")).toBeVisible();
  await page.getByRole("button", { name: "Load latest version" }).click();
  await expect(page.getByRole("switch", { name: /^Read-only/ })).not.toBeChecked();
});

async function edit(page: Page): Promise<void> {
  await openConnections(page);
  await page.getByRole("button", { name: `Edit: ${NAME}` }).click();
  await expect(page.getByRole("dialog").getByLabel("Host")).not.toHaveValue("");
}

async function expectNoPassword(page: Page, received: Received): Promise<void> {
  const { plain, encoded } = tenantPassword();
  const forms = [plain, encoded, Buffer.from(plain).toString("base64").replace(/=+$/, "")];
  const bodies = await received.all();
  // The bodies include the connection list, so a password in it would be found.
  expect(bodies.includes(NAME)).toBe(true);
  const stored = await storedBy(page);
  for (const form of forms) {
    expect(bodies.includes(form), "the password was in a response").toBe(false);
    expect(stored.includes(form), "the page stores the password").toBe(false);
  }
}
