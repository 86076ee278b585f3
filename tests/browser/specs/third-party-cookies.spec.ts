import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, expect, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { addTenant, editor, freshUser, grid, run, write } from "../console";
import { oidc, signInByOidc } from "../providers";

/** The console under another name than the provider's, so that the provider's cookies are a third party's in its frame. */
const consoleUrl = oidc.url.replace("127.0.0.1", "localhost");

let profile: string;
let context: BrowserContext;

test.beforeEach(async () => {
  profile = await mkdtemp(join(tmpdir(), "postern-profile-"));
  // Without refresh tokens, the token for proxy-service comes from a hidden frame.
  await oidc.control("set", { origin: consoleUrl, crossSiteCookies: true, refreshTokens: false });
});

test.afterEach(async () => {
  await context.close();
  await rm(profile, { recursive: true });
  await oidc.control("set", { crossSiteCookies: false, refreshTokens: true });
});

/** A browser with a profile of its own, which blocks third-party cookies or does not. */
async function open(blocked: boolean, launch: object) {
  const preferences = {
    profile: { cookie_controls_mode: blocked ? 1 : 0, block_third_party_cookies: blocked },
  };
  await mkdir(join(profile, "Default"));
  await writeFile(join(profile, "Default/Preferences"), JSON.stringify(preferences));
  context = await chromium.launchPersistentContext(profile, { ...launch, locale: "en-US" });
  return context.newPage();
}

test("a token comes from a hidden frame of another site where its cookies are allowed", async ({
  launchOptions,
}) => {
  const page = await open(false, launchOptions);
  await signInByOidc(page, freshUser(), "/", consoleUrl);
  await addTenant(page, "shop");
  await run(page, "select 'framed' as answer");
  await expect(grid(page).getByRole("gridcell", { name: "framed", exact: true })).toBeVisible();
});

test("where they are blocked, a page says what to do, and the draft survives it", async ({
  launchOptions,
}) => {
  const page = await open(true, launchOptions);
  await signInByOidc(page, freshUser(), "/", consoleUrl);
  await addTenant(page, "shop");
  await write(page, "select 'my draft'");
  await run(page);
  await expect(page.getByText(/your browser blocks its cookies here/)).toBeVisible();
  await expectAccessible(page);
  // At the provider's own page, its cookies are no third party's.
  await page.getByRole("button", { name: "Sign in again" }).click();
  await expect(page).toHaveURL(`${consoleUrl}/query/shop`);
  await expect(editor(page)).toContainText("my draft");
});
