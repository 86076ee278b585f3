import { expect, test } from "@playwright/test";
import { addTenant, freshUser, grid, openConnections, run, watchViolations } from "../console";
import { environment } from "../environment";
import { signInByOidc } from "../providers";

const NAME = "behind-the-gateway";

test("a connection is saved, queried and deleted, and the page keeps to its policy", async ({
  page,
}) => {
  const violations = await watchViolations(page);
  await signInByOidc(page, freshUser(), "/", environment.url);
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
  await expect.poll(() => violations).toEqual([expect.stringMatching(/^script-src-elem /)]);
  expect(await page.evaluate(() => "injected" in window)).toBe(false);
});

test("pages are revalidated, assets are kept and compressed, and a missing asset is an error", async ({
  page,
}) => {
  const [asset, document] = await Promise.all([
    page.waitForResponse(/\/assets\/.+\.js$/),
    page.goto("/connections"),
  ]);
  const headers = (await document?.allHeaders()) ?? {};
  expect(headers["content-security-policy"]).toContain("default-src 'self'");
  expect(headers["content-security-policy"]).not.toContain("unsafe");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["cache-control"]).toBe("no-cache");

  const kept = await asset.allHeaders();
  expect(kept["content-encoding"]).toMatch(/^(br|gzip)$/);
  expect(kept["cache-control"]).toContain("max-age=31536000");

  const missing = await page.goto("/assets/missing.js");
  expect(missing?.status()).toBe(404);
  expect((await missing?.allHeaders())?.["cache-control"]).toBe("no-cache");

  const config = await page.goto("/config.json");
  expect(await config?.json()).toMatchObject({ signIn: { kind: "oidc" } });
  expect((await config?.allHeaders())?.["cache-control"]).toBe("no-cache");
});
