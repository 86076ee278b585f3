import { defineConfig } from "@playwright/test";
import common from "./playwright.config";

/** The console as it is deployed: its image, behind a gateway. `cargo xtask kube` runs these. */
export default defineConfig(common, { testDir: "deployed" });
