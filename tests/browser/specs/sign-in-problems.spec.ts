import { expect, type Route, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { freshUser } from "../console";
import { completeAtProvider, enterAtProvider, goToProvider, oidc } from "../providers";

test.beforeEach(async () => {
  await oidc.control("set", { origin: oidc.url });
});

test.afterEach(async () => {
  await oidc.control("up");
});

for (const [what, answer, title] of [
  ["is missing", { status: 404, body: "" }, "Sign-in is not set up"],
  [
    "is the console's own page",
    { contentType: "text/html", body: "<!doctype html>" },
    "Sign-in is not set up",
  ],
  ["is wrong", { json: { signIn: { kind: "oidc" } } }, "Sign-in is set up incorrectly"],
  ["cannot be fetched", { status: 502, body: "" }, "Can't reach the server"],
] as const) {
  test(`a /config.json that ${what} is explained, and read again`, async ({ page }) => {
    await page.route("**/config.json", (route) => route.fulfill(answer));
    await page.goto(oidc.url);
    await expect(page.getByRole("alert").getByText(title)).toBeVisible();
    await expectAccessible(page);
    await page.unroute("**/config.json");
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("button", { name: /^Continue with 127/ })).toBeVisible();
    await expect(page.getByRole("alert")).toHaveCount(0);
  });
}

test("a provider that is down is explained, and sign-in works when it is back", async ({
  page,
}) => {
  await oidc.control("down");
  await page.goto(oidc.url);
  await goToProvider(page);
  await expect(page.getByText("Can't reach the identity provider")).toBeVisible();
  await expectAccessible(page);
  await oidc.control("up");
  await goToProvider(page);
  await completeAtProvider(page, freshUser());
});

test("a redirect URI that is not registered is explained on the way back", async ({ page }) => {
  await oidc.control("set", { origin: "http://127.0.0.1:1" });
  await page.goto(oidc.url);
  await goToProvider(page);
  await expect(page.getByText(/redirect_uri/).first()).toBeVisible();
  await page.goto(oidc.url);
  await expect(page.getByText(`has to register ${oidc.url}/sign-in/callback`)).toBeVisible();
  await expectAccessible(page);
});

test("a callback that this browser did not ask for is refused", async ({ page }) => {
  await page.goto(`${oidc.url}/sign-in/callback?code=stolen&state=forged`);
  await expect(page.getByText("This sign-in link no longer works")).toBeVisible();
  await expect(page).toHaveURL(`${oidc.url}/`);
});

for (const [parameter, title] of [
  ["state", "This sign-in link no longer works"],
  ["nonce", "The identity provider's response can't be trusted"],
] as const) {
  test(`an answer to another ${parameter} than the request's is refused`, async ({ page }) => {
    const changed = (route: Route) => {
      const url = new URL(route.request().url());
      url.searchParams.set(parameter, "of-another-request");
      return route.fulfill({ status: 302, headers: { location: url.href } });
    };
    await page.route(/\/auth\?/, changed, { times: 1 });
    await page.goto(oidc.url);
    await goToProvider(page);
    await enterAtProvider(page, freshUser());
    await expect(page.getByRole("alert").getByText(title)).toBeVisible();
    await expect(page).toHaveURL(`${oidc.url}/`);
    await expectAccessible(page);
    await goToProvider(page);
    await expect(page.getByRole("navigation")).toBeVisible();
  });
}

test("a user who declines at the provider is told so, and can try again", async ({ page }) => {
  await page.goto(oidc.url);
  await goToProvider(page);
  await page.getByRole("link", { name: /Cancel|Abort/ }).click();
  await expect(page.getByRole("alert").getByText("Sign-in was refused")).toBeVisible();
  await expectAccessible(page);
  await goToProvider(page);
  await completeAtProvider(page, freshUser());
});

test("a user who leaves the provider's page by the Back button can sign in again", async ({
  page,
}) => {
  await page.goto(oidc.url);
  await goToProvider(page);
  await expect(page.getByPlaceholder("Enter any login")).toBeVisible();
  await page.goBack();
  await expect(page.getByText("You have not finished signing in")).toBeVisible();
  await expectAccessible(page);
  await goToProvider(page);
  await completeAtProvider(page, freshUser());
});

test("a user who closes the provider's page finds the sign-in page in the next tab", async ({
  page,
}) => {
  await page.goto(oidc.url);
  await goToProvider(page);
  await expect(page.getByPlaceholder("Enter any login")).toBeVisible();
  const next = await page.context().newPage();
  await page.close();
  await next.goto(`${oidc.url}/connections`);
  await goToProvider(next);
  await completeAtProvider(next, freshUser());
  await expect(next).toHaveURL(`${oidc.url}/connections`);
});
