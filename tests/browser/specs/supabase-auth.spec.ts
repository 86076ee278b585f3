import { expect, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { addTenant, freshUser, grid, run } from "../console";
import { signInByPassword, supabase } from "../providers";

const freshEmail = () => `${freshUser()}@example.com`;

test.afterEach(async () => {
  await supabase.control("up");
  await supabase.control("set", { lifetime: 3600, role: "authenticated" });
});

test("somebody signs in with a password, adds a connection, queries it and reloads", async ({
  page,
}) => {
  const email = freshEmail();
  await signInByPassword(page, email);
  await expect(page.getByText(email, { exact: true })).toBeVisible();
  await addTenant(page, "shop");
  await run(page, "select 'main job' as answer");
  await expect(grid(page).getByRole("gridcell", { name: "main job", exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByText(email, { exact: true })).toBeVisible();
  const local = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  const session = await page.evaluate(() => JSON.stringify({ ...sessionStorage }));
  expect(local + session).not.toMatch(/eyJ/);
});

test("renewals of one tab leave the other tab's session alone", async ({ page }) => {
  await supabase.control("set", { lifetime: 20 });
  const email = freshEmail();
  await signInByPassword(page, email);
  const other = await page.context().newPage();
  await signInByPassword(other, email);
  for (const tab of [page, other, page, other]) {
    await tab.reload();
    await expect(tab.getByText(email, { exact: true })).toBeVisible();
  }
});

test("a link from an email signs in in the tab that it opens", async ({ page }) => {
  const email = freshEmail();
  await page.goto(`${supabase.url}/connections`);
  await page.getByLabel("Email").fill(email);
  await page.getByRole("button", { name: "Email me a sign-in link" }).click();
  await expect(page.getByText(/Check your email/)).toBeVisible();
  const mails = (await supabase.control("mails")) as { email: string; link: string }[];
  const link = mails.find((mail) => mail.email === email)?.link ?? "";
  const other = await page.context().newPage();
  await other.goto(link);
  await expect(other.getByText(email, { exact: true })).toBeVisible();
  await expect(other).toHaveURL(`${supabase.url}/connections`);
});

test("an OAuth provider of the project signs in", async ({ page }) => {
  await page.goto(supabase.url);
  await page.getByRole("button", { name: "Continue with GitHub" }).click();
  await expect(page.getByText("github@example.com", { exact: true })).toBeVisible();
});

test("Supabase Auth that is down is explained, and sign-in works when it is back", async ({
  page,
}) => {
  const email = freshEmail();
  await page.goto(supabase.url);
  await supabase.control("down");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByText("Can't reach the identity provider")).toBeVisible({
    timeout: 30_000,
  });
  await expectAccessible(page);
  await supabase.control("up");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByText(email, { exact: true })).toBeVisible();
});

test("a user who leaves the OAuth provider's page without an answer can sign in again", async ({
  page,
}) => {
  await page.route(
    /\/auth\/v1\/authorize/,
    (route) => route.fulfill({ body: "the provider's page" }),
    {
      times: 1,
    },
  );
  await page.goto(supabase.url);
  await page.getByRole("button", { name: "Continue with GitHub" }).click();
  await expect(page.getByText("the provider's page")).toBeVisible();
  await page.goBack();
  await expect(page.getByText("You have not finished signing in")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Continue with GitHub" }).click();
  await expect(page.getByText("github@example.com", { exact: true })).toBeVisible();
});

test("a wrong password and an anonymous user are told so", async ({ page }) => {
  await page.goto(supabase.url);
  await page.getByLabel("Email").fill(freshEmail());
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByText("Wrong email or password")).toBeVisible();
  await expectAccessible(page);
  await signInByPassword(page, `anonymous-${freshEmail()}`);
  await expect(page.getByText("Postern does not accept this sign-in")).toBeVisible();
  await expectAccessible(page);
  // The longest texts, on a phone: nothing is cut off but what scrolls in a field.
  await page.setViewportSize({ width: 390, height: 844 });
  const cut = await page.getByRole("dialog").evaluate((dialog) =>
    [dialog, ...dialog.querySelectorAll("main :not(input)")]
      .filter((each) => getComputedStyle(each).display !== "inline")
      .filter((each) => each.scrollWidth > each.clientWidth)
      .map((each) => each.outerHTML.slice(0, 80)),
  );
  expect(cut).toEqual([]);
});
