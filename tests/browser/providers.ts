import { expect, type Page } from "@playwright/test";
import { environment } from "./environment";

/** A Postern that people enter through an identity provider, and the provider's controls. */
export interface Provider {
  readonly url: string;
  /** Changes the provider: "set", "rotate", "skew", "down", "up". */
  control: (command: string, argument?: unknown) => Promise<unknown>;
}

/** The environment is read when it is used: not every run has every provider. */
function provider(url: () => string, controlUrl: () => string): Provider {
  return {
    get url() {
      return url();
    },
    async control(command, argument = null) {
      const body = JSON.stringify(argument);
      const response = await fetch(`${controlUrl()}/${command}`, { method: "POST", body });
      if (!response.ok) throw new Error(await response.text());
      return response.json();
    },
  };
}

export const oidc = provider(
  () => environment.oidcUrl,
  () => environment.oidcControl,
);
export const supabase = provider(
  () => environment.supabaseUrl,
  () => environment.supabaseControl,
);

/** Signs in on the pages of the OpenID provider: its login form, then its consent. */
export async function signInByOidc(
  page: Page,
  user: string,
  path = "/",
  url = oidc.url,
): Promise<void> {
  await page.goto(url + path);
  await goToProvider(page);
  await completeAtProvider(page, user);
}

/** Presses the button that leads to the OpenID provider's pages. */
export async function goToProvider(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Continue with 127/ }).click();
}

export async function completeAtProvider(page: Page, user: string): Promise<void> {
  await enterAtProvider(page, user);
  await expect(page.getByText(user, { exact: true })).toBeVisible();
}

/** The same, whatever the console makes of the answer. */
export async function enterAtProvider(page: Page, user: string): Promise<void> {
  await page.getByPlaceholder("Enter any login").fill(user);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

export async function signInByPassword(page: Page, email: string): Promise<void> {
  await page.goto(supabase.url);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
