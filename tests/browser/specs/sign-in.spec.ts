import { expect, test } from "@playwright/test";
import { editor, freshUser, signIn } from "../console";

test("a new user signs in and finds the demo connection with an example query", async ({
  page,
}) => {
  const user = await signIn(page);
  await expect(page.getByRole("navigation").getByRole("link", { name: /^demo/ })).toBeVisible();
  await expect(editor(page)).toContainText("from orders o");
  await expect(page.getByText(user, { exact: true })).toBeVisible();
  await expect(page).toHaveURL(/\/query\/demo$/);
});

test("a reload keeps the session and the current page, and signing out ends the session", async ({
  page,
}) => {
  await signIn(page);
  await page.goto("/connections");
  await expect(page.getByRole("table", { name: "Connections" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("table", { name: "Connections" })).toBeVisible();

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Username")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Username")).toBeVisible();
});

test("tokens that the server rejects lead back to the sign-in page", async ({ page }) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const forged = `${part({ alg: "none" })}.${part({ sub: freshUser(), exp: 4_000_000_000 })}.`;
  await page.route("/dev/token", (route) =>
    route.fulfill({ json: { access_token: forged, expires_in: 3600 } }),
  );
  await page.goto("/");
  await page.getByLabel("Username").fill("mallory");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("Postern does not accept this sign-in")).toBeVisible();
});
