import type { Check, Look } from "./check.ts";
import { disk } from "./disk.ts";
import { processes } from "./processes.ts";
import { settings } from "./settings.ts";
import { versions } from "./versions.ts";

const LOOKS: readonly Look[] = [versions, settings, processes, disk];

/** `npm run doctor`: what is there, and what is wrong with its remedy. Returns 0 when nothing is wrong, else 1. */
export async function doctor(print: (line: string) => void): Promise<number> {
  const checks = (await Promise.all(LOOKS.map((look) => look()))).flat();
  for (const line of renderChecks(checks)) print(line);
  return checks.some(isWrong) ? 1 : 0;
}

const isWrong = ({ remedy }: Check): boolean => remedy !== undefined;

function renderChecks(checks: readonly Check[]): string[] {
  const lines = checks.flatMap((check, index) => [
    ...(check.area === checks[index - 1]?.area ? [] : [check.area]),
    `  ${isWrong(check) ? "✗" : "·"} ${check.name.padEnd(16)} ${check.found}`,
  ]);
  const wrong = checks.filter(isWrong);
  const remedies = wrong.map(({ name, found, remedy }) => `  ${name}: ${found}; ${remedy}`);
  return [...lines, "", ...(wrong.length === 0 ? ["nothing is wrong"] : ["what is wrong:", ...remedies])];
}
