import { rmSync } from "node:fs";

// A file that has been renamed must not be packed under its old name too.
rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
