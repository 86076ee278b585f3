import { expect, type Page, test } from "@playwright/test";
import { grid, rowCount, run, signIn } from "../console";

test("the demo query fills the grid with typed columns", async ({ page }) => {
  await signIn(page);
  await run(page);
  await expect(rowCount(page)).toHaveText("200 rows");
  await expect(grid(page).getByRole("columnheader", { name: /total/ })).toContainText("numeric");
  await expect(grid(page).getByRole("row")).not.toHaveCount(0);
  await expect(page.getByText(/^Role /)).toBeVisible();

  const total = grid(page).getByRole("gridcell").nth(4);
  await expect(total).toHaveCSS("text-align", "right");
});

test("rows appear while the result is still arriving, and all rows can be scrolled to", async ({
  page,
}) => {
  await signIn(page);
  await page.getByLabel("Row limit").selectOption("100,000 rows");
  const counts = await watchCounts(page);
  // The statement pauses twice, so that even on a fast machine the rows before a pause are rendered.
  const pause = "case when n % 40000 = 0 then pg_sleep(0.5)::text end";
  await run(
    page,
    `select n, repeat('postern ', 12) as note, ${pause} from generate_series(1, 100000) as n`,
  );
  await expect(rowCount(page)).toHaveText("100,000 rows");
  await expect(page.getByRole("button", { name: /^Run/ })).toBeVisible();

  const seen = await counts();
  expect(seen.length, `the counter showed ${seen.join(", ")}`).toBeGreaterThan(2);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));

  await grid(page).evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
  await expect(grid(page).getByRole("gridcell", { name: "100000", exact: true })).toBeVisible();
});

test("a result that exceeds the row limit is marked as truncated", async ({ page }) => {
  await signIn(page);
  await page.getByLabel("Row limit").selectOption("100 rows");
  await run(page, "select n from generate_series(1, 5000) as n");
  await expect(page.getByText("Truncated at 100 rows")).toBeVisible();
});

/** Records every number the row counter shows from now on. */
async function watchCounts(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const seen = new Set<number>();
    const note = () => {
      const text = document.querySelector("[data-testid=row-count]")?.textContent;
      if (text) seen.add(Number(text.replace(/\D/g, "")));
    };
    new MutationObserver(note).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    Object.assign(window, { seenCounts: seen });
  });
  return () =>
    page.evaluate(() => [...(window as unknown as { seenCounts: Set<number> }).seenCounts]);
}
