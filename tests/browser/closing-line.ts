import type { FullConfig, Reporter, Suite } from "@playwright/test/reporter";

/** Ends the run with a line that scripts can parse: "browser: N passed, N failed, N skipped". */
export default class ClosingLine implements Reporter {
  private suite: Suite | undefined;

  onBegin(_config: FullConfig, suite: Suite) {
    this.suite = suite;
  }

  onEnd() {
    const count = { expected: 0, unexpected: 0, flaky: 0, skipped: 0 };
    for (const test of this.suite?.allTests() ?? []) count[test.outcome()] += 1;
    const failed = count.unexpected + count.flaky;
    console.log(`\nbrowser: ${count.expected} passed, ${failed} failed, ${count.skipped} skipped`);
  }
}
