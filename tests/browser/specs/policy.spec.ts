import { expect, test } from "@playwright/test";
import { grid, openConnections, run, signIn, watchViolations } from "../console";

test("the editor, the grid, drawers and dialogs keep to a policy without inline styles", async ({
  page,
}) => {
  const violations = await watchViolations(page);
  await signIn(page);
  const loaded = await page.request.get("/");
  expect(loaded.headers()["content-security-policy"]).not.toContain("unsafe");
  await run(page, "select 40 + 2 as answer");
  await expect(grid(page).getByRole("gridcell", { name: "42", exact: true })).toBeVisible();

  // The editor and Mantine are styled: with refused styles, both would have the browser's defaults.
  await expect(page.locator(".cm-scroller")).toHaveCSS("display", "flex");
  const body = await page.evaluate(() =>
    getComputedStyle(document.documentElement).getPropertyValue("--mantine-color-copper-7"),
  );
  expect(body).not.toBe("");

  await openConnections(page);
  await page.getByRole("button", { name: "Delete: demo" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("navigation").getByRole("button", { name: "Add connection" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  expect(violations).toEqual([]);
});
