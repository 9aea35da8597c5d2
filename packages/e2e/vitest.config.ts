import { defineConfig } from "vitest/config";

const conditions = ["@control-plane/source", "module", "node", "development|production"];

export default defineConfig({
  ssr: { resolve: { conditions } },
  environments: { __vitest__: { resolve: { conditions } } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Each file starts a whole stack of processes; two at a time would only slow each other down.
    fileParallelism: false,
    reporters: ["default", ["json", { outputFile: "test-report.json" }]],
    globalSetup: "./test/global-setup.ts",
  },
});
