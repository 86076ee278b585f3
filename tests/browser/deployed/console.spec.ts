import { expect, test } from "@playwright/test";
import { addTenant, freshUser, grid, openConnections, run, watchViolations } from "../console";

const NAME = "behind-the-gateway";

test("a connection is saved, queried and deleted, and the page keeps to its policy", async ({
  page,
}) => {
  const violations = await watchViolations(page);
  await page.goto("/");
  await page.getByLabel("Username").fill(freshUser());
  await page.getByRole("button", { name: "Sign in" }).click();
  await addTenant(page, NAME);
  await run(page, "select 40 + 2 as answer");
  await expect(grid(page).getByRole("gridcell", { name: "42", exact: true })).toBeVisible();

  await openConnections(page);
  await page.getByRole("button", { name: `Delete: ${NAME}` }).click();
  await page.getByRole("button", { name: "Delete connection" }).click();
  await expect(page.getByText(NAME)).toHaveCount(0);
  expect(violations).toEqual([]);
});

test("the policy is enforced", async ({ page }) => {
  const violations = await watchViolations(page);
  await page.goto("/");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
  });
  await expect.poll(() => violations).toEqual(["script-src-elem"]);
  expect(await page.evaluate(() => "injected" in window)).toBe(false);
});

test("pages are revalidated, assets are kept and compressed, and a missing asset is an error", async ({
  request,
}) => {
  const page = await request.get("/connections");
  const headers = page.headers();
  expect(headers["content-security-policy"]).toContain("default-src 'self'");
  expect(headers["content-security-policy"]).not.toContain("unsafe");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["cache-control"]).toBe("no-cache");

  const [, script] = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
  const asset = await request.get(script ?? "", { headers: { "accept-encoding": "br, gzip" } });
  expect(asset.headers()["content-encoding"]).toMatch(/^(br|gzip)$/);
  expect(asset.headers()["cache-control"]).toContain("max-age=31536000");

  const missing = await request.get("/assets/missing.js");
  expect(missing.status()).toBe(404);
  expect(missing.headers()["cache-control"] ?? "").not.toContain("max-age");
});
