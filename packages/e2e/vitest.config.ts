import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { sharedSettings, sharedTestSettings } from "../../infra/ci/vitest-settings.ts";

/** One behind the other those that share a control plane, which ends where another one begins. */
class SharingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sharing = ({ moduleId }: TestSpecification) => readFileSync(moduleId, "utf8").includes("./shared-plane.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(sharing), ...sorted.filter((file) => !sharing(file))];
  }
}

export default defineConfig({
  ...sharedSettings,
  test: {
    ...sharedTestSettings,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Each file starts a whole stack of processes; two at a time would only slow each other down.
    fileParallelism: false,
    sequence: { sequencer: SharingFirst },
    globalSetup: "./test/global-setup.ts",
  },
});
