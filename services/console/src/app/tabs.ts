/** A tab that runs something. */
interface Cancellable {
  run: { cancel(): void };
}

/** One user's tabs, by connection. They are kept in memory only, so that statements are never stored in the browser. */
export class Tabs<T extends Cancellable> {
  private readonly tabs = new Map<string, T>();
  private readonly open: (connection: string) => T;

  constructor(open: (connection: string) => T) {
    this.open = open;
  }

  of(connection: string): T {
    let tab = this.tabs.get(connection);
    if (tab === undefined) {
      tab = this.open(connection);
      this.tabs.set(connection, tab);
    }
    return tab;
  }

  clear(connection: string): void {
    this.tabs.get(connection)?.run.cancel();
    this.tabs.delete(connection);
  }

  clearAll(): void {
    this.cancelAll();
    this.tabs.clear();
  }

  /** All open tabs, by connection. */
  entries(): [string, T][] {
    return [...this.tabs];
  }

  cancelAll(): void {
    for (const tab of this.tabs.values()) tab.run.cancel();
  }
}
