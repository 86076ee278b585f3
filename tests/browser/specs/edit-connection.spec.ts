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
import { keptBy, Received } from "../received";

const NAME = "second-tenant";

test("an edit without a password keeps the stored one, and no password ever comes back", async ({
  page,
}) => {
  const received = new Received(page);
  await signIn(page);
  await addTenant(page, NAME);
  await expectNoPassword(page, received);

  await edit(page);
  await expect(page.getByLabel("Password")).toHaveValue("");
  await page.getByRole("switch", { name: /^Read-only/ }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row", { name: new RegExp(NAME) })).toContainText("Read and write");

  await page.getByRole("table").getByRole("link", { name: NAME }).click();
  await run(page, "select 1 as still_works");
  await expect(grid(page).getByRole("gridcell", { name: "1", exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: NAME })).toBeVisible();
  await expectNoPassword(page, received);
});

test("another endpoint needs the password again", async ({ page }) => {
  await signIn(page);
  await addTenant(page, NAME);
  await edit(page);
  await page.getByLabel("Database").fill("another_database");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("sealed for the former endpoint").first()).toBeVisible();
  await expect(page.getByRole("dialog")).toBeVisible();
});

test("a change that comes too late is told so, and can start again", async ({ page }) => {
  await signIn(page);
  await addTenant(page, NAME);
  await edit(page);

  const other = await secondTab(page, "/?page=connections");
  await edit(other);
  await other.getByRole("switch", { name: /^Read-only/ }).click();
  await other.getByRole("button", { name: "Save" }).click();
  await expect(other.getByRole("dialog")).toBeHidden();

  await page.getByRole("switch", { name: /^Read-only/ }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(
    page.getByText("Somebody changed this connection after you opened it"),
  ).toBeVisible();
  await page.getByRole("button", { name: "Load the newest version" }).click();
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
  // The list of connections is among them: had it the password, this would see it.
  expect(bodies.includes(NAME)).toBe(true);
  const kept = await keptBy(page);
  for (const form of forms) {
    expect(bodies.includes(form), "the password was in a response").toBe(false);
    expect(kept.includes(form), "the password is kept by the page").toBe(false);
  }
}
