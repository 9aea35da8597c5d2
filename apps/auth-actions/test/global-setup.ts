import { startStoresForVitest } from "@control-plane/local-stores";
import type { TestProject } from "vitest/node";
import { newPrivateKey } from "../src/domain/signing-keys.ts";

declare module "vitest" {
  interface ProvidedContext {
    signingKeyPem: string;
  }
}

/** Beside the stores one signing key for all tests: each would take as long to make as the rest of a test. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stop = await startStoresForVitest(project);
  project.provide("signingKeyPem", await newPrivateKey());
  return stop;
}
