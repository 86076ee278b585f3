import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "./environment";

const consoleFolder = join(import.meta.dirname, "../../services/console");

/** The example app as it is built, served by Vite on a port that is free. */
export class Example {
  readonly url: string;
  private readonly process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.process = process;
    this.url = url;
  }

  static async start(): Promise<Example> {
    const vite = spawn(
      process.execPath,
      [join(consoleFolder, "node_modules/vite/bin/vite.js"), "preview", "--host", "127.0.0.1"],
      {
        cwd: join(consoleFolder, "packages/client/examples/orders"),
        env: { ...process.env, POSTERN_SERVER: environment.url, NO_COLOR: "1" },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    for await (const line of createInterface({ input: vite.stdout })) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (url !== undefined) return new Example(vite, url);
    }
    throw new Error("the example app is not served; is it built?");
  }

  stop(): void {
    this.process.kill();
  }
}
