import { defineConfig } from "vitest/config";
import { sharedSettings, sharedTestSettings } from "../../infra/ci/vitest-settings.ts";

export default defineConfig({
  ...sharedSettings,
  // The cells bring their own stores: they kill them.
  test: { ...sharedTestSettings, testTimeout: 600_000, fileParallelism: false },
});
