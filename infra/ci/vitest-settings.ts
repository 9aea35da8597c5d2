/** Packages are read from `src`: by tests, and by a globalSetup, which resolves on its own. */
const conditions = ["@control-plane/source", "module", "node", "development|production"];

/**
 * What the vitest settings of all packages have in common. A package's vitest.config.ts is loaded without the source
 * condition, so it cannot import a workspace package; a file at a fixed place it can.
 */
export const sharedSettings = {
  ssr: { resolve: { conditions } },
  environments: { __vitest__: { resolve: { conditions } } },
};

const reporters: ("default" | ["json", { outputFile: string }])[] = [
  "default",
  // infra/ci/run-tests.mjs adds the packages' reports up.
  ["json", { outputFile: "test-report.json" }],
];

/** The member `test`; a package adds its globalSetup and what its tests need more of. */
export const sharedTestSettings = {
  include: ["src/**/*.test.ts", "test/**/*.test.ts"],
  // Times are the last resort: a busy machine makes a test slow, never red.
  testTimeout: 120_000,
  expect: { poll: { timeout: 60_000 } },
  hookTimeout: 120_000,
  maxWorkers: 2,
  // The files of a worker share its modules, which take longer to load than most files to run. No module of ours has a
  // state; a test file that cannot share goes into a project of its own.
  isolate: false,
  reporters,
};
