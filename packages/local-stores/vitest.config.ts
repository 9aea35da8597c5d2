import { defineConfig } from "vitest/config";

const conditions = ["@control-plane/source", "module", "node", "development|production"];

export default defineConfig({
  ssr: { resolve: { conditions } },
  environments: { __vitest__: { resolve: { conditions } } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    passWithNoTests: true,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    globalSetup: "./test/global-setup.ts",
    reporters: ["default", ["json", { outputFile: "test-report.json" }]],
  },
});
