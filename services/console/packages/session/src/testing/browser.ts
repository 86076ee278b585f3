import type { Browser } from "../method.js";
import { MemoryStorage } from "../methods/oidcBrowser.js";
import type { OtherTabs } from "../tabs.js";

/** A browser tab of a test: its own clock, storage, address and network. */
export class TestBrowser implements Browser {
  /** The pages that the tab has left for. */
  readonly left: URL[] = [];
  readonly tabStorage: Storage;
  readonly sharedStorage: Storage;
  time = 1_800_000_000_000;
  private address: URL;
  private readonly network: typeof fetch;

  constructor(network: typeof fetch, path = "/", before?: TestBrowser) {
    this.network = network;
    this.address = new URL(path, "https://console.example.com");
    this.tabStorage = before?.tabStorage ?? new MemoryStorage();
    this.sharedStorage = before?.sharedStorage ?? new MemoryStorage();
    this.time = before?.time ?? this.time;
  }

  readonly fetch: typeof fetch = (input, init) => this.network(input, init);
  readonly now = () => this.time;
  readonly url = () => new URL(this.address);

  replaceUrl(path: string): void {
    this.address = new URL(path, this.address);
  }

  leave(url: string): void {
    this.left.push(new URL(url));
  }

  get path(): string {
    return this.address.pathname + this.address.search;
  }

  /** Everything that is stored, to check what is not. */
  stored(): string {
    const entries = [this.tabStorage, this.sharedStorage].map((storage) =>
      Array.from({ length: storage.length }, (_, index) => {
        const key = storage.key(index) ?? "";
        return [key, storage.getItem(key)];
      }),
    );
    return JSON.stringify(entries);
  }
}

/** Tabs that hear each other. */
export function tabsTogether(): () => OtherTabs {
  const tabs: { listeners: ((userId: string) => void)[] }[] = [];
  return () => {
    const own = { listeners: [] as ((userId: string) => void)[] };
    tabs.push(own);
    return {
      signedOut(userId) {
        for (const tab of tabs)
          if (tab !== own) for (const listener of tab.listeners) listener(userId);
      },
      onSignedOut: (listener) => void own.listeners.push(listener),
    };
  };
}
