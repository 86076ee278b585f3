import { expect, type Page, test } from "@playwright/test";
import { grid, rowCount, signIn } from "../console";
import { addProject, expectNoKey } from "../project";
import { Received, Sent, storedBy } from "../received";

const sizes = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

for (const viewport of sizes) {
  test.describe(`at ${viewport.width} px`, () => {
    test.use({ viewport, permissions: ["clipboard-read", "clipboard-write"] });

    test("a project that was added answers requests, as a grid, as JSON and as a line to copy", async ({
      page,
    }, info) => {
      const shot = (name: string) =>
        page.screenshot({
          path: info.outputPath(`${name}-${viewport.width}.png`),
          animations: "disabled",
        });
      await open(page, "shop");
      await shot("empty");

      await page.getByLabel("Table name").fill("orders");
      await page.getByLabel("Columns").fill("id,status,total");
      await page.getByRole("button", { name: "Add filter" }).click();
      await page.getByLabel("Column of filter 1").fill("status");
      await page.getByLabel("Value of filter 1").fill("open");
      await page.getByRole("button", { name: /^Run/ }).click();
      await expect(rowCount(page)).toHaveText("2 rows");
      await expect(grid(page).getByRole("gridcell", { name: "12345678.90" })).toBeVisible();
      await shot("grid");

      await page.getByLabel("Show the response as").getByText("JSON").click();
      await expect(page.getByLabel("Response body")).toContainText('"total": 12345678.90');
      await shot("json");

      await page.getByRole("button", { name: "Copy the supabase-js line" }).click();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
        'const { data, error } = await supabase.from("orders").select("id,status,total").eq("status", "open").limit(50)',
      );
      expect(await isScrolledSideways(page)).toBe(false);
    });

    test("a table without grants is shown with the GRANT to run", async ({ page }, info) => {
      await open(page, "shop");
      await page.getByLabel("Table name").fill("ungranted");
      await page.getByRole("button", { name: /^Run/ }).click();
      const alert = page.getByRole("alert");
      await expect(alert).toContainText("permission denied for table ungranted");
      await expect(alert).toContainText("GRANT SELECT ON public.ungranted TO anon;");
      const path = info.outputPath(`grant-${viewport.width}.png`);
      await page.screenshot({ path, animations: "disabled" });
      expect(await isScrolledSideways(page)).toBe(false);
    });
  });
}

test("the keys of a project are sent once, and never come back", async ({ page }) => {
  await open(page, "shop");
  const [received, sent] = [new Received(page), new Sent(page)];
  await page.goto("/connections/shop/edit");
  await expect(page.getByRole("dialog").getByText(/••••/).first()).toBeVisible();
  await page.goto("/request/shop?of=orders");
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(rowCount(page)).toHaveText("4 rows");
  expectNoKey(sent.all(), "what the console sends");
  expectNoKey((await received.all()).toString("latin1"), "what the console receives");
  expectNoKey(await storedBy(page), "what the console stores and shows");
});

async function open(page: Page, name: string): Promise<void> {
  await signIn(page);
  await addProject(page, name);
}

async function isScrolledSideways(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}
