import { randomBytes } from "node:crypto";
import { expect, type Page, test } from "@playwright/test";
import { grid, run, secondTab, signIn } from "../console";

test("cancelling a query stops it on screen and in the database", async ({ page }) => {
  await signIn(page);
  const mark = `mark_${randomBytes(6).toString("hex")}`;
  await run(page, `select pg_sleep(30) /* ${mark} */`);
  const watcher = await secondTab(page, "/query/demo");
  await expectAlive(watcher, mark, "1");

  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Cancelled").first()).toBeVisible({ timeout: 2_000 });
  await expectAlive(watcher, mark, "0");
});

/** Checks how many statements with this mark the database is running; a role can see its own. */
async function expectAlive(page: Page, mark: string, count: string): Promise<void> {
  const sql = `select count(*) as alive from pg_stat_activity
    where state = 'active' and pid <> pg_backend_pid() and query like '%${mark}%'`;
  await expect(async () => {
    await run(page, sql);
    await expect(grid(page).getByRole("gridcell").first()).toHaveText(count, { timeout: 1_000 });
  }).toPass({ timeout: 10_000 });
}
