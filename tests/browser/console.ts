import { randomBytes } from "node:crypto";
import { expect, type Locator, type Page } from "@playwright/test";
import { environment } from "./environment";

/** A username that no other test has used, so that tests do not see each other's data. */
export function freshUser(): string {
  return `tester-${randomBytes(5).toString("hex")}`;
}

export async function signIn(page: Page, user = freshUser()): Promise<string> {
  await page.goto("/");
  await page.getByLabel("Username").fill(user);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "demo" })).toBeVisible();
  return user;
}

export function editor(page: Page): Locator {
  return page.getByRole("textbox", { name: "SQL statement" });
}

export async function write(page: Page, sql: string): Promise<void> {
  await editor(page).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(sql);
}

/** Writes a statement, if given, and runs it with the keyboard shortcut. */
export async function run(page: Page, sql?: string): Promise<void> {
  if (sql === undefined) await editor(page).click();
  else await write(page, sql);
  await page.keyboard.press("ControlOrMeta+Enter");
}

export function grid(page: Page): Locator {
  return page.getByRole("grid");
}

export function rowCount(page: Page): Locator {
  return page.getByTestId("row-count");
}

/** The label of the field that recognises connection strings and project URLs. */
export const PASTE = "Project URL or connection string";

/** Focuses the field and pastes text into it, with the event that a browser sends. */
export async function paste(field: Locator, text: string): Promise<void> {
  await field.focus();
  await field.evaluate((element, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", pasted);
    element.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }),
    );
  }, text);
}

/** Adds a connection to the second tenant's database by pasting its connection string. */
export async function addTenant(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation").getByRole("button", { name: "Add connection" }).click();
  const dialog = page.getByRole("dialog");
  await paste(dialog.getByLabel(PASTE), environment.tenantDsn);
  await expect(dialog.getByLabel("Host")).not.toHaveValue("");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Add connection" }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
}

export async function openConnections(page: Page): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name: "Connections" }).click();
  await expect(page.getByRole("table", { name: "Connections" })).toBeVisible();
}

/** The tenant's password, in plain text and percent-encoded. */
export function tenantPassword(): { plain: string; encoded: string } {
  const encoded = new URL(environment.tenantDsn).password;
  if (encoded === "") throw new Error("POSTERN_TENANT_DSN has no password");
  return { plain: decodeURIComponent(encoded), encoded };
}

/** Opens another browser tab for the same user. sessionStorage is per tab, so this copies the session. */
export async function secondTab(page: Page, url: string): Promise<Page> {
  const session = await page.evaluate(() => sessionStorage.getItem("postern.session") ?? "");
  const other = await page.context().newPage();
  await other.goto("/");
  await other.evaluate((kept) => sessionStorage.setItem("postern.session", kept), session);
  await other.goto(url);
  return other;
}

/** What violates the page's content security policy from now on: the directive, and where in which script. */
export async function watchViolations(page: Page): Promise<string[]> {
  const violations: string[] = [];
  await page.exposeFunction("noteViolation", (violation: string) => violations.push(violation));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      // Chromium itself styles text that replaces a selection in editable content. It is refused, and the editor renders
      // the line anew.
      if (event.target instanceof Element && event.target.closest("[contenteditable]")) return;
      const { violatedDirective, sourceFile, lineNumber, columnNumber } = event;
      (window as unknown as { noteViolation: (violation: string) => void }).noteViolation(
        `${violatedDirective} ${sourceFile}:${lineNumber}:${columnNumber}`,
      );
    });
  });
  return violations;
}
