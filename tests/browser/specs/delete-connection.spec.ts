import { expect, test } from "@playwright/test";
import { addTenant, grid, openConnections, run, secondTab, signIn } from "../console";

const NAME = "short-lived";

test("the next query on a deleted connection fails", async ({ page }) => {
  await signIn(page);
  await addTenant(page, NAME);
  await run(page, "select 1 as alive");
  await expect(grid(page).getByRole("gridcell", { name: "1", exact: true })).toBeVisible();

  const other = await secondTab(page, "/connections");
  await openConnections(other);
  await other.getByRole("button", { name: `Delete: ${NAME}` }).click();
  await expect(other.getByRole("dialog")).toContainText(`Delete ${NAME}?`);
  await other.getByRole("button", { name: "Delete connection" }).click();
  await expect(other.getByRole("table").getByText(NAME)).toHaveCount(0);

  await run(page, "select 2 as gone");
  await expect(page.getByRole("alert")).toContainText("Connection not found");
});

test("a deletion can be cancelled", async ({ page }) => {
  await signIn(page);
  await openConnections(page);
  await page.getByRole("button", { name: "Delete: demo" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByRole("table").getByText("demo", { exact: true })).toBeVisible();
});
