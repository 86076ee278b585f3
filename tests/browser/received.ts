import type { Page, Response } from "@playwright/test";

/** Records everything a page receives, so that a test can check what it does not contain. */
export class Received {
  private readonly bodies: Promise<Buffer>[] = [];

  constructor(page: Page) {
    page.on("response", (response) => this.bodies.push(bodyOf(response)));
  }

  async all(): Promise<Buffer> {
    return Buffer.concat(await Promise.all(this.bodies));
  }
}

/** Records everything a page sends. */
export class Sent {
  private readonly texts: string[] = [];

  constructor(page: Page) {
    page.on("request", (request) => {
      const { url, headers, body } = {
        url: request.url(),
        headers: JSON.stringify(request.headers()),
        body: request.postDataBuffer()?.toString("latin1") ?? "",
      };
      this.texts.push(url, headers, body);
    });
  }

  all(): string {
    return this.texts.join("\n");
  }
}

/** Redirects have no body, and the body of a cancelled call is lost; only their headers are recorded. */
async function bodyOf(response: Response): Promise<Buffer> {
  const headers = Buffer.from(JSON.stringify(response.headers()));
  return response.body().then(
    (body) => Buffer.concat([headers, body]),
    () => headers,
  );
}

/** Everything the page stores or shows: storage, cookies, URL, inputs and content. */
export async function storedBy(page: Page): Promise<string> {
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state]),
  );
  const inputs = await page
    .locator("input, textarea")
    .evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value).join("\n"));
  return [stored, page.url(), inputs, await page.content()].join("\n");
}
