import { defineConfig } from "vitest/config";
import { sharedSettings, sharedTestSettings } from "../../infra/ci/vitest-settings.ts";

export default defineConfig({
  ...sharedSettings,
  test: { ...sharedTestSettings, globalSetup: "./test/global-setup.ts" },
});
