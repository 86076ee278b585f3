import type { Browser } from "../method.js";
import { MemoryStorage } from "./oidcBrowser.js";

const STORAGE_KEY = "postern.session";
const VERIFIER_KEY = "postern.code-verifier";

/** How long a page that is being left may take to give its session to the page that is loaded in its place. */
const CLAIM_TIMEOUT_MS = 2_000;

/** This tab's session: what of it is stored, and where. */
export interface TabSession {
  /** For the auth client: everything in memory, except the code verifier. */
  storage: {
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
  };
  /** The refresh token that this tab has stored, unless another tab uses it. */
  claim(): Promise<string | null>;
  refreshToken(): string | null;
  keep(refreshToken: string): void;
  forget(): void;
}

interface Stored {
  id: string;
  refreshToken: string;
}

/**
 * A duplicated tab has a copy of the other's sessionStorage. Supabase revokes a session when a refresh token is used
 * twice, so a stored one belongs to the tab that holds the Web Lock of its session.
 */
export function ownSession({ tabStorage, sharedStorage }: Browser): TabSession {
  const memory = new MemoryStorage();
  let id: string = crypto.randomUUID();
  let held = false;

  // The verifier is shared between tabs, since a link from an email opens in another one. It is no token, and of no
  // use without the code.
  const isVerifier = (key: string) => key.endsWith("-code-verifier");
  const placeOf = (key: string): [Storage, string] =>
    isVerifier(key) ? [sharedStorage, VERIFIER_KEY] : [memory, key];

  const forget = () => tabStorage.removeItem(STORAGE_KEY);
  return {
    storage: {
      getItem: (key) => {
        const [storage, name] = placeOf(key);
        return storage.getItem(name);
      },
      setItem: (key, value) => {
        const [storage, name] = placeOf(key);
        storage.setItem(name, value);
      },
      removeItem: (key) => {
        const [storage, name] = placeOf(key);
        storage.removeItem(name);
      },
    },
    async claim() {
      const stored = read(tabStorage);
      if (stored === null) return null;
      if (!(held || (await lock(stored.id)))) {
        forget();
        return null;
      }
      held = true;
      id = stored.id;
      return stored.refreshToken;
    },
    refreshToken: () => read(tabStorage)?.refreshToken ?? null,
    keep(refreshToken) {
      if (!held) void lock(id);
      held = true;
      tabStorage.setItem(STORAGE_KEY, JSON.stringify({ id, refreshToken } satisfies Stored));
    },
    forget,
  };
}

function read(storage: Storage): Stored | null {
  try {
    const { id, refreshToken } = JSON.parse(storage.getItem(STORAGE_KEY) ?? "{}");
    return typeof id === "string" && typeof refreshToken === "string" ? { id, refreshToken } : null;
  } catch {
    return null;
  }
}

/** Takes a lock for the rest of this page's life. False if another tab keeps it. */
function lock(id: string): Promise<boolean> {
  if (!("locks" in navigator)) return Promise.resolve(true);
  const signal = AbortSignal.timeout(CLAIM_TIMEOUT_MS);
  return new Promise((resolve) => {
    navigator.locks
      .request(`postern.session.${id}`, { signal }, () => {
        resolve(true);
        return new Promise<never>(() => {});
      })
      .catch(() => resolve(false));
  });
}
