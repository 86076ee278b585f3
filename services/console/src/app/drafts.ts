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

  /** The stored drafts by connection; they are removed, whoever's they are. */
  take(): Map<string, Draft> {
    const drafts = this.own();
    this.storage.removeItem(STORAGE_KEY);
    return drafts ?? new Map();
  }

  /** Removes this user's stored drafts. */
  discard(): void {
    if (this.own() !== null) this.storage.removeItem(STORAGE_KEY);
  }

  /** Null if none are stored, or another user's. */
  private own(): Map<string, Draft> | null {
    try {
      const { userId, drafts } = JSON.parse(this.storage.getItem(STORAGE_KEY) ?? "{}");
      return userId === this.userId ? new Map(drafts) : null;
    } catch {
      return null;
    }
  }
}
