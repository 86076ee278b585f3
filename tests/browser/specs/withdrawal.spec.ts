import { expect, type Page, test } from "@playwright/test";
import { addTenant, freshUser, grid, run } from "../console";
import { environment } from "../environment";
import { deny, ownerOf } from "../operator";
import { oidc, signInByOidc, signInByPassword } from "../providers";

/** Does the main job, is denied while a query runs, sees why, and is let in again. */
async function isDeniedInTheMiddleOfAQuery(page: Page, config: string): Promise<void> {
  await addTenant(page, "shop");
  const owner = await ownerOf(page, () => run(page, "select pg_sleep(40)"));
  await expect(page.getByRole("button", { name: "Cancel" })).toBeVisible();

  await deny(config, "add", ...owner, "--note", "a test");
  await expect(page.getByText("Your access was withdrawn").first()).toBeVisible();
  await expect(
    page.getByText("An operator of Postern has withdrawn your access.").first(),
  ).toBeVisible();
  await run(page, "select 'again' as answer");
  await expect(page.getByText("Your access was withdrawn").first()).toBeVisible();

  await deny(config, "remove", ...owner);
  await run(page, "select 'let in' as answer");
  await expect(grid(page).getByRole("gridcell", { name: "let in", exact: true })).toBeVisible();
}

test("somebody from an OpenID provider is denied by the operator in the middle of a query and sees why", async ({
  page,
}) => {
  await oidc.control("set", { origin: oidc.url });
  await signInByOidc(page, freshUser());
  await isDeniedInTheMiddleOfAQuery(page, environment.operator.oidcConfig);
});

test("somebody from Supabase Auth is denied by the operator in the middle of a query and sees why", async ({
  page,
}) => {
  const email = `${freshUser()}@example.com`;
  await signInByPassword(page, email);
  await expect(page.getByText(email, { exact: true })).toBeVisible();
  await isDeniedInTheMiddleOfAQuery(page, environment.operator.supabaseConfig);
});
