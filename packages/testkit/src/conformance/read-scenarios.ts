import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readJson } from "@control-plane/service-kit/read-json";
import { type Scenario, scenarioSchema } from "./scenario.ts";

const DIRECTORY = fileURLToPath(new URL("../../runner-conformance", import.meta.url));

export type NamedScenario = { name: string; scenario: Scenario };

/** All scenarios of `runner-conformance/`, by name. Throws on one that does not fit the format. */
export async function readScenarios(): Promise<NamedScenario[]> {
  const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith(".json")).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const parsed = scenarioSchema.safeParse(readJson(await readFile(join(DIRECTORY, file), "utf8")));
      if (!parsed.success) throw new Error(`${file} is no scenario: ${parsed.error.message}`);
      return { name: basename(file, ".json"), scenario: parsed.data };
    }),
  );
}
