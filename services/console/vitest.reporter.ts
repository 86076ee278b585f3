import type { Reporter, TestModule } from "vitest/node";

/** Ends the run with a line that scripts can parse: "console: N passed, N failed, N skipped". */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]) {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    let broken = 0;
    for (const module of modules) {
      if (module.errors().length > 0) broken += 1;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    }
    // A file that fails to load has no tests, so it counts as one failure.
    console.log(
      `\nconsole: ${count.passed} passed, ${count.failed + broken} failed, ${count.skipped + count.pending} skipped`,
    );
  }
}
