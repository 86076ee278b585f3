import { expect, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { editor, grid, openConnections, run, signIn, write } from "../console";
import { addProject } from "../project";

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in the ${colorScheme} scheme`, () => {
    test.use({ colorScheme, reducedMotion: "reduce" });

    test("the sign-in page has no violations", async ({ page }) => {
      await page.goto("/");
      await expect(page.getByLabel("Username")).toBeVisible();
      await expectAccessible(page);
    });

    test("the connection list, form and delete dialog have no violations", async ({ page }) => {
      await signIn(page);
      await openConnections(page);
      await expectAccessible(page);
      for (const kind of ["postgres", "supabase"]) {
        await page.goto(`/connections/new?kind=${kind}`);
        await page.getByRole("dialog").getByRole("button", { name: "Add connection" }).click();
        await expectAccessible(page);
      }
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Delete: demo" }).click();
      await expect(page.getByRole("dialog")).toBeVisible();
      await expectAccessible(page);
    });

    test("the query page has no violations with a result or an error", async ({ page }) => {
      await signIn(page);
      await run(page);
      await expect(grid(page).getByRole("gridcell").first()).toBeVisible();
      await grid(page).focus();
      await page.keyboard.press("ArrowDown");
      await expectAccessible(page);
      await run(page, "select nam from (select 1 as name) as people where $1");
      await expect(page.getByRole("alert")).toBeVisible();
      await expectAccessible(page);
    });

    test("the request page has no violations with rows, JSON or an error", async ({ page }) => {
      await signIn(page);
      await addProject(page, "shop");
      await page.getByRole("button", { name: "Add filter" }).click();
      await expectAccessible(page);
      await page.getByRole("button", { name: "Remove filter 1" }).click();
      await page.getByLabel("Table name").fill("orders");
      await page.getByRole("button", { name: /^Run/ }).click();
      await expect(grid(page).getByRole("gridcell").first()).toBeVisible();
      await expectAccessible(page);
      await page.getByLabel("Show the response as").getByText("JSON").click();
      await expect(page.getByLabel("Response body")).toBeVisible();
      await expectAccessible(page);
      await page.getByLabel("Table name").fill("ungranted");
      await page.getByRole("button", { name: /^Run/ }).click();
      await expect(page.getByRole("alert")).toBeVisible();
      await expectAccessible(page);
    });
  });
}

test("signing in and running a query works without a mouse", async ({ page }) => {
  await page.goto("/");
  const user = `keyboard-${Date.now()}`;
  await expect(page.getByLabel("Username")).toBeFocused();
  await page.keyboard.type(`${user}\n`);
  await editor(page).focus();
  await write(page, "select 1 as one");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: /^Run/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(grid(page).getByRole("gridcell", { name: "1", exact: true })).toBeVisible();
});
