import { expect, test } from "@playwright/test";
import { run, signIn } from "../console";

test("an SQL error shows the database's message, hint and position", async ({ page }) => {
  await signIn(page);
  await run(page, "select 'ß🏰' as sign,\n       nam\n  from (select 1 as name) as people");
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("SQLSTATE 42703");
  await expect(alert).toContainText('column "nam" does not exist');
  await expect(alert).toContainText("Hint:");
  await expect(alert).toContainText("Line 2, column 8");
  await expect(page.locator(".cm-sql-error")).toHaveText("nam");

  await run(page, "select 1 as one");
  await expect(alert).toBeHidden();
  await expect(page.locator(".cm-sql-error")).toHaveCount(0);
});
