import type { INavigator } from "oidc-client-ts";
import type { Browser } from "../method.js";

/** Navigates to the provider. The page is gone before there is an answer, so none is waited for. */
export function leavingBy(browser: Browser): INavigator {
  return {
    prepare: async () => ({
      navigate: async ({ url }) => {
        browser.leave(url);
        return { url };
      },
      close: () => {},
    }),
    callback: async () => {},
  };
}

/** Storage that ends with the page: where tokens are. */
export class MemoryStorage implements Storage {
  private readonly items = new Map<string, string>();

  get length(): number {
    return this.items.size;
  }

  clear(): void {
    this.items.clear();
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}
