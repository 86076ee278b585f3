import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { addTenant, editor, freshUser, grid, run, write } from "../console";
import { completeAtProvider, goToProvider, oidc, signInByOidc } from "../providers";
import { storedBy } from "../received";

test.afterEach(async () => {
  await oidc.control("up");
  await oidc.control("set", { algorithm: "ES256", lifetime: 3600, refreshTokens: true });
});

/** The console's page at the provider of this Postern, which knows its callback. */
test.beforeEach(async () => {
  await oidc.control("set", { origin: oidc.url });
});

async function runOne(page: Page, answer: string): Promise<void> {
  await run(page, `select '${answer}' as answer`);
  await expect(grid(page).getByRole("gridcell", { name: answer, exact: true })).toBeVisible();
}

for (const algorithm of ["ES256", "RS256", "PS256", "EdDSA"]) {
  test(`somebody signs in at a provider with ${algorithm}, adds a connection and queries it`, async ({
    page,
  }) => {
    await oidc.control("set", { algorithm });
    await signInByOidc(page, freshUser());
    await addTenant(page, "shop");
    await runOne(page, algorithm);
    expect(await storedBy(page)).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });
}

test("a reload and a new tab sign in again by the provider's session, on the same page", async ({
  page,
}) => {
  const user = freshUser();
  await signInByOidc(page, user, "/connections");
  await page.reload();
  await expect(page.getByText(user, { exact: true })).toBeVisible();
  await expect(page).toHaveURL(`${oidc.url}/connections`);
  const other = await page.context().newPage();
  await other.goto(`${oidc.url}/connections`);
  await expect(other.getByText(user, { exact: true })).toBeVisible();
});

test("signing out in one tab signs out the other, and at the provider", async ({ page }) => {
  const user = freshUser();
  await signInByOidc(page, user);
  const other = await page.context().newPage();
  await other.goto(oidc.url);
  await expect(other.getByText(user, { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(other.getByText("You have signed out in another tab.")).toBeVisible();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await expect(page.getByText("You have signed out.")).toBeVisible();
  await goToProvider(page);
  await expect(page.getByPlaceholder("Enter any login")).toBeVisible();
});

for (const refreshTokens of [true, false]) {
  const way = refreshTokens ? "a refresh token" : "a hidden frame";
  test(`a token that expires during a query is renewed by ${way}, and the query goes on`, async ({
    page,
  }) => {
    // Shorter than the margin of a renewal, so that every call renews.
    await oidc.control("set", { lifetime: 20, refreshTokens });
    await signInByOidc(page, freshUser());
    await addTenant(page, "shop");
    const renewals: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/token")) renewals.push(request.postData() ?? "");
    });
    await run(page, "select 'late' as answer, pg_sleep(3)");
    const other = page.getByRole("navigation").getByRole("link", { name: "Connections" });
    await other.click();
    await page.getByRole("navigation").getByRole("link", { name: /^shop/ }).click();
    await expect(grid(page).getByRole("gridcell", { name: "late" })).toBeVisible();
    const grant = refreshTokens ? "grant_type=refresh_token" : "grant_type=authorization_code";
    expect(renewals.length).toBeGreaterThan(0);
    for (const renewal of renewals) expect(renewal).toContain(grant);
  });
}

test("keys that rotate while somebody works are taken up", async ({ page }) => {
  test.setTimeout(120_000);
  await oidc.control("set", { lifetime: 20 });
  await signInByOidc(page, freshUser());
  await addTenant(page, "shop");
  await oidc.control("rotate");
  // Services fetch a key set anew after half a minute at the earliest; until then the new key is unknown.
  await expect(async () => {
    await page.goto(`${oidc.url}/query/shop`);
    await expect(editor(page)).toBeVisible({ timeout: 5_000 });
    await runOne(page, "rotated");
  }).toPass({ timeout: 90_000 });
});

test("a session that cannot be renewed keeps the draft, through the provider's page and back", async ({
  page,
}) => {
  await oidc.control("set", { lifetime: 20, refreshTokens: false });
  const user = freshUser();
  await signInByOidc(page, user);
  await addTenant(page, "shop");
  await write(page, "select 'my draft'");
  // The provider's session ends: in a hidden frame this looks like a browser that blocks its cookies.
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  expect(cookies.length).toBeGreaterThan(0);
  await run(page);
  await expect(page.getByText(/It could not be renewed in the background/)).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Sign in again" }).click();
  await completeAtProvider(page, user);
  await expect(page).toHaveURL(`${oidc.url}/query/shop`);
  await expect(editor(page)).toContainText("my draft");
});
