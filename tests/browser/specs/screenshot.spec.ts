import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { rowCount, run, signIn } from "../console";
import { environment } from "../environment";

const committed = join(import.meta.dirname, "../../../services/console/screenshots/console.png");

test("the screenshot for the README can be taken", async ({ page }, info) => {
  await signIn(page, "alice");
  await run(page);
  await expect(rowCount(page)).toHaveText("200 rows");
  await page.evaluate(() => document.fonts.ready);
  await page.mouse.move(720, 140);
  // The dates shown change with every run, so the committed picture is replaced only on request.
  const path = environment.screenshot ? committed : info.outputPath("console.png");
  await page.screenshot({ path, animations: "disabled" });
});
