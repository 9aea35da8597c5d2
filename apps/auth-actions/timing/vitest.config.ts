import { defineConfig } from "vitest/config";
import { sharedSettings, sharedTestSettings } from "../../../infra/ci/vitest-settings.ts";

/** Measurements, which a busy machine spoils: run by hand or at night, not with the tests. */
export default defineConfig({
  ...sharedSettings,
  test: {
    ...sharedTestSettings,
    globalSetup: "./test/global-setup.ts",
    include: ["timing/known-or-unknown.ts"],
    reporters: ["default"],
  },
});
