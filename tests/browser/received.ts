import type { Page, Response } from "@playwright/test";

/** Everything a page was ever sent, kept so that a test can say what is not in it. */
export class Received {
  private readonly bodies: Promise<Buffer>[] = [];

  constructor(page: Page) {
    page.on("response", (response) => this.bodies.push(bodyOf(response)));
  }

  async all(): Promise<Buffer> {
    return Buffer.concat(await Promise.all(this.bodies));
  }
}

/** A redirect has no body, and that of a cancelled call is lost; both have nothing to look at. */
async function bodyOf(response: Response): Promise<Buffer> {
  const headers = Buffer.from(JSON.stringify(response.headers()));
  return response.body().then(
    (body) => Buffer.concat([headers, body]),
    () => headers,
  );
}

/** All that the page keeps: both storages, its cookies, its address, and what it shows. */
export async function keptBy(page: Page): Promise<string> {
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state]),
  );
  const inputs = await page
    .locator("input, textarea")
    .evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value).join("\n"));
  return [stored, page.url(), inputs, await page.content()].join("\n");
}
