import { readFile } from "node:fs/promises";
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { addTenant, freshUser, signIn, tenantPassword } from "../console";

async function openSettings(page: Page): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "Your data" })).toBeVisible();
}

async function exported(page: Page): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Export" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^postern-data-\d{4}-\d\d-\d\d\.json$/);
  await expect(page.getByText(download.suggestedFilename())).toBeVisible();
  return readFile(await download.path(), "utf8");
}

test("a user downloads everything that is stored about them, without passwords", async ({
  page,
}) => {
  await signIn(page);
  await addTenant(page, "mine-alone");
  await openSettings(page);
  const document = await exported(page);
  const { plain, encoded } = tenantPassword();
  expect(document).not.toContain(plain);
  expect(document).not.toContain(encoded);
  const { format, version, connections } = JSON.parse(document);
  expect({ format, version }).toEqual({ format: "postern.user-data", version: 1 });
  expect(connections.map(({ name }: { name: string }) => name)).toEqual(["demo", "mine-alone"]);
});

test("a user deletes everything after typing a word, and another user keeps theirs", async ({
  page,
  browser,
}) => {
  const context = await browser.newContext();
  const other = await context.newPage();
  await signIn(other);
  await addTenant(other, "kept");

  const user = freshUser();
  await signIn(page, user);
  await addTenant(page, "kept");
  await openSettings(page);
  await page.getByRole("button", { name: "Delete everything" }).click();
  const dialog = page.getByRole("dialog");
  const confirm = dialog.getByRole("button", { name: "Delete everything" });
  await expect(confirm).toBeDisabled();
  await expect(dialog.getByRole("textbox")).toBeFocused();
  await page.keyboard.type("delete");
  await expect(confirm).toBeEnabled();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toContainText(["Deleted 2 connections"]);
  await expect(page.getByRole("navigation").getByText("No connections")).toBeVisible();
  expect(JSON.parse(await exported(page)).connections).toEqual([]);

  await other.reload();
  await expect(other.getByRole("navigation").getByText("kept")).toBeVisible();
  await openSettings(other);
  expect(JSON.parse(await exported(other)).connections).toHaveLength(2);
  await context.close();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1440, 390]) {
    test.describe(`in the ${colorScheme} scheme, ${width} pixels wide`, () => {
      test.use({ colorScheme, reducedMotion: "reduce", viewport: { width, height: 900 } });

      test("the settings page and its dialog have no violations", async ({ page }, info) => {
        await signIn(page);
        await openSettings(page);
        await exported(page);
        await expectAccessible(page);
        await page.screenshot({ path: info.outputPath("settings.png") });
        await page.getByRole("button", { name: "Delete everything" }).click();
        await expect(page.getByRole("dialog").getByRole("textbox")).toBeFocused();
        await expectAccessible(page);
        await page.screenshot({ path: info.outputPath("dialog.png") });
        await page.keyboard.press("Escape");
        await page.getByTitle("Русский").click();
        await expect(page.getByRole("heading", { name: "Ваши данные" })).toBeVisible();
        await expectAccessible(page);
        await page.screenshot({ path: info.outputPath("russian.png") });
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow).toBe(0);
      });
    });
  }
}
