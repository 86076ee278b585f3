import { expect, test } from "@playwright/test";
import { environment } from "../environment";
import { Example } from "../example";
import { expectNoKey, projectCa } from "../project";
import { Received, Sent, storedBy } from "../received";

const { project } = environment;
let example: Example;

test.beforeAll(async () => {
  example = await Example.start();
});

test.afterAll(() => example.stop());

test("the example app saves a project and reads orders with supabase-js, without a key in the browser", async ({
  page,
  browser,
}) => {
  await page.goto(example.url);
  // Nothing is saved yet: Postern's own error is what supabase-js shows.
  await expect(page.getByRole("alert")).toContainText("no connection named 'orders'");

  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Name").fill("shop");
  await page.getByLabel("Project URL").fill(project.url);
  await page.getByLabel("anon_key").fill(project.anonKey);
  await page.getByLabel("service_role_key").fill(project.serviceRoleKey);
  await page.getByText("Self-hosted project").click();
  await page.getByLabel("CA certificates (PEM)").fill(projectCa);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Orders" })).toBeVisible();
  await expect(page.getByRole("row", { name: "11 paid 99.99" })).toBeVisible();
  const kept = await page.evaluate(() => localStorage.getItem("connection"));
  expect(kept).toBe("shop");

  // From now on it works in a browser that has never seen a key.
  const context = await browser.newContext();
  const other = await context.newPage();
  await other.addInitScript((name) => localStorage.setItem("connection", name), "shop");
  const [received, sent] = [new Received(other), new Sent(other)];
  await other.goto(example.url);
  await expect(other.getByRole("row", { name: "11 paid 99.99" })).toBeVisible();
  expect(sent.all()).toContain("postern.proxy.v1.ProxyService/Forward");
  expectNoKey(sent.all(), "what the page sends");
  expectNoKey(
    (await received.all()).toString("latin1"),
    "what the page receives, its bundle included",
  );
  expectNoKey(await storedBy(other), "what the page stores and shows");
  // supabase-js has only the placeholder, and nothing of the project's address either.
  expect((await received.all()).toString("latin1")).toContain("no-key");
  expect(sent.all()).not.toContain(new URL(project.url).host);
  await context.close();
});

test("the search for keys finds one", async ({ page }) => {
  const [received, sent] = [new Received(page), new Sent(page)];
  await page.goto(example.url);
  await page.evaluate(
    (key) => fetch("/", { method: "POST", body: `x${btoa(`xy${key}`)}` }),
    project.anonKey,
  );
  await page.evaluate((key) => localStorage.setItem("leak", key), project.secretKey);
  expect(() => expectNoKey(sent.all(), "what is sent")).toThrow("1 keys in what is sent");
  const stored = await storedBy(page);
  expect(() => expectNoKey(stored, "what is stored")).toThrow("1 keys in what is stored");
  expectNoKey((await received.all()).toString("latin1"), "what is received");
});
