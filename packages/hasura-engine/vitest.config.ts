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
    // One second is too little for 300 deliveries on a machine that is busy with other things.
    expect: { poll: { timeout: 10_000 } },
    maxWorkers: 2,
    reporters: ["default", ["json", { outputFile: "test-report.json" }]],
    globalSetup: "./test/global-setup.ts",
  },
});
