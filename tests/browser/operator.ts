import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { environment } from "./environment";

/** Runs `postern deny` as the operator of a Postern, whose configuration is named. */
export async function deny(config: string, ...words: string[]): Promise<void> {
  await promisify(execFile)(environment.operator.command, ["--config", config, "deny", ...words]);
}

/** A user, as an operator names them: what tells them in `postern deny`, from the claims of their token. */
export async function ownerOf(page: Page, act: () => Promise<void>): Promise<string[]> {
  const asking = page.waitForRequest((request) => request.headers().authorization !== undefined);
  await act();
  const token = (await asking).headers().authorization ?? "";
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(claims.sub);
  return isUuid ? ["owner", claims.sub] : ["owner", claims.sub, "--issuer", claims.iss];
}
