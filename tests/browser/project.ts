import { readFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";
import { environment } from "./environment";

const { project } = environment;

/** The authority of the project's certificate, in PEM. */
export const projectCa = readFileSync(project.ca, "utf8");

/** All keys of the project. None may be anywhere in a page. */
export const projectKeys = [
  project.publishableKey,
  project.secretKey,
  project.anonKey,
  project.serviceRoleKey,
];

/** Adds the project in the console with its name, its URL and its two keys; as it is self-hosted, also with its CA. */
export async function addProject(page: Page, name: string): Promise<void> {
  await page.goto("/connections/new");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Supabase project").click();
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Project URL", { exact: true }).fill(project.url);
  await dialog.getByLabel("Publishable or anon key").fill(project.publishableKey);
  await dialog.getByLabel("Secret or service_role key").fill(project.secretKey);
  await dialog.getByText("Use the publishable key").click();
  await dialog.getByText("Advanced").click();
  await dialog.getByLabel("CA certificates (PEM)").fill(projectCa);
  await dialog.getByRole("button", { name: "Add connection" }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
}

/** Expects no key in a text, be it as it is or in base64, as grpc-web may send it. */
export function expectNoKey(text: string, where: string): void {
  const found = projectKeys.filter((key) => holds(text, key));
  expect(found.length, `${found.length} keys in ${where}`).toBe(0);
}

/** Base64 of a text differs with the text's position, so each of the three is searched for, without its ends. */
function holds(text: string, key: string): boolean {
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.from(" ".repeat(shift) + key)
      .toString("base64")
      .slice(4, -4),
  );
  return [key, encodeURIComponent(key), ...shifted].some((form) => text.includes(form));
}
