import type { KeysDeps } from "../domain/keys/keys-deps.ts";
import { PUBLISH_SECONDS, RETIRE_SECONDS, replaceSigning, rotateSigning } from "../domain/rotate-signing.ts";

/** One step per call, so that whoever is interrupted calls it again. Gives the exit code. */
export async function rotateSigningCommand(
  { db, openEnvelope, print }: Pick<KeysDeps, "db" | "openEnvelope" | "print">,
  force: boolean,
): Promise<number> {
  const envelope = openEnvelope();
  if (force) {
    const { kid, retired } = await replaceSigning({ db, envelope });
    print(`key ${kid} signs from now on`);
    print(`tokens of ${retired.join(", ")} end as soon as the published keys are fetched anew`);
    return 0;
  }
  const waits = { publishSeconds: PUBLISH_SECONDS, retireSeconds: RETIRE_SECONDS };
  const step = await rotateSigning({ db, envelope }, waits);
  switch (step.outcome) {
    case "published":
      print(`1 of 3: key ${step.kid} is published; in ${minutes(PUBLISH_SECONDS)} call this again to sign with it`);
      return 0;
    case "promoted":
      print(`2 of 3: key ${step.kid} signs; in ${minutes(RETIRE_SECONDS)} call this again to take the old one away`);
      return 0;
    case "retired":
      print(`3 of 3: key ${step.kid} is published no more; the rotation is done`);
      return 0;
    case "early":
      print(`too early: call this again in ${Math.ceil(step.waitSeconds)} s, or with --force if the key leaked`);
      return 1;
    default:
      return step satisfies never;
  }
}

function minutes(seconds: number): string {
  return `${Math.round(seconds / 60)} minutes`;
}
