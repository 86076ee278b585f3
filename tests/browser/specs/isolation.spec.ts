import { expect, test } from "@playwright/test";
import { addTenant, openConnections, run, signIn } from "../console";

test("a user cannot see or query another user's connection, even by name", async ({
  page,
  browser,
}) => {
  await signIn(page);
  await addTenant(page, "mine-alone");

  const context = await browser.newContext();
  const stranger = await context.newPage();
  await signIn(stranger);
  await openConnections(stranger);
  await expect(stranger.getByRole("table").getByRole("row")).toHaveCount(2);
  await expect(stranger.getByText("mine-alone")).toHaveCount(0);

  await stranger.goto("/query/mine-alone");
  await expect(stranger.getByRole("status").getByText(/There is no connection/)).toBeVisible();
  await run(stranger, "select 1");
  await expect(stranger.getByRole("alert")).toContainText("Connection not found");
  await context.close();
});

test("a user who signs in after another sees none of the other's connections", async ({ page }) => {
  await signIn(page);
  await addTenant(page, "mine-alone");
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page);
  await expect(page.getByText("mine-alone")).toHaveCount(0);
});
