import { expect, test } from "@playwright/test";
import { rowCount, run, signIn } from "../console";

test("the language can be changed to Russian, and a reload keeps it", async ({ page }) => {
  await signIn(page);
  await run(page);
  await expect(rowCount(page)).toHaveText("200 rows");
  await page.getByTitle("Русский").click();
  await expect(page.getByRole("button", { name: /^Выполнить/ })).toBeVisible();
  await expect(rowCount(page)).toHaveText("200 строк");
  await expect(page.locator("html")).toHaveAttribute("lang", "ru");
  await page.reload();
  await expect(page.getByRole("button", { name: /^Выполнить/ })).toBeVisible();
});

test("the theme can be changed to dark, and a reload keeps it", async ({ page }) => {
  await signIn(page);
  const body = page.locator("body");
  const light = await body.evaluate((element) => getComputedStyle(element).backgroundColor);
  await page.getByTitle("Dark").click();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  expect(await body.evaluate((element) => getComputedStyle(element).backgroundColor)).not.toBe(
    light,
  );
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
});
