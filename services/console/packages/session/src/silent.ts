import { CALLBACK_PATH } from "./method.js";

/** Whether this page is the hidden frame of a renewal, and not the app: see [`completeSilently`]. */
export function isSilentCallback(): boolean {
  return window.parent !== window && window.location.pathname === CALLBACK_PATH;
}

/** Gives the provider's answer to the page around this frame. Call it instead of starting the app. */
export async function completeSilently(): Promise<void> {
  const { completeSilently: complete } = await import("./methods/oidc.js");
  await complete();
}
