import type { Draft, QueryTab } from "../features/query/queryTab";
import type { Tabs } from "./tabs";

const STORAGE_KEY = "postern.drafts";

/**
 * Drafts of statements across a sign-in at the identity provider, which leaves the page. They are in this browser tab's
 * sessionStorage only from then until the return, and only their own user gets them back.
 */
export class StoredDrafts {
  private readonly storage: Storage;
  private readonly userId: string;

  constructor(storage: Storage, userId: string) {
    this.storage = storage;
    this.userId = userId;
  }

  store(tabs: Tabs<QueryTab>): void {
    const drafts = tabs.entries().map(([connection, { draft }]) => [connection, draft]);
    this.storage.setItem(STORAGE_KEY, JSON.stringify({ userId: this.userId, drafts }));
  }

  /** The stored drafts by connection; they are removed. */
  take(): Map<string, Draft> {
    const stored = this.storage.getItem(STORAGE_KEY);
    this.storage.removeItem(STORAGE_KEY);
    try {
      const { userId, drafts } = JSON.parse(stored ?? "{}");
      return new Map(userId === this.userId ? drafts : []);
    } catch {
      return new Map();
    }
  }
}
