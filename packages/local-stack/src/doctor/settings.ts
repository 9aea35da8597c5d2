import { checkGivenStores } from "@control-plane/local-stores";
import { readHasuraUrl } from "../own-hasura.ts";
import type { Check } from "./check.ts";

/** The variables with which a start uses what runs elsewhere. */
export async function settings(): Promise<readonly Check[]> {
  const looked = [...(await checkGivenStores(process.env)), ...hasura()];
  if (looked.length === 0) return [{ area: "settings", name: "none", found: "a start brings everything along" }];
  return looked.map(({ variable, problem }) => ({
    area: "settings",
    name: variable,
    found: problem === undefined ? "set and usable" : "not usable",
    ...(problem === undefined ? {} : { remedy: problem }),
  }));
}

function hasura(): { variable: string; problem: string | undefined }[] {
  const variable = "HASURA_URL";
  try {
    return readHasuraUrl() === undefined ? [] : [{ variable, problem: undefined }];
  } catch (error) {
    return [{ variable, problem: error instanceof Error ? error.message : String(error) }];
  }
}
