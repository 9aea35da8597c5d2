import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const LOCK_FILE = join(import.meta.dirname, "../../../pnpm-lock.yaml");
/** Earlier versions confuse key types and ignore `crit` (CVE-2026-34950, CVE-2026-35042). */
const FAST_JWT_MIN = 6_003_004;

test("no version of fast-jwt with known holes is locked [CVE-2023-48223] [CVE-2025-30144] [CVE-2026-34950] [CVE-2026-35042]", () => {
  const versions = [...readFileSync(LOCK_FILE, "utf8").matchAll(/^ {2}fast-jwt@(\d+)\.(\d+)\.(\d+):/gm)].map(
    ([, major, minor, patch]) => Number(major) * 1_000_000 + Number(minor) * 1_000 + Number(patch),
  );

  expect(versions.length).toBeGreaterThan(0);
  expect(Math.min(...versions)).toBeGreaterThanOrEqual(FAST_JWT_MIN);
});
