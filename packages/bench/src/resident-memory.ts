import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const SAMPLE_MS = 200;

/** What a process holds while the work lasts. */
export async function sampled<T>(
  processId: number,
  work: Promise<T>,
): Promise<{ result: T; megabytes: readonly number[] }> {
  const megabytes = [await residentMegabytes(processId)];
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      await delay(SAMPLE_MS);
      megabytes.push(await residentMegabytes(processId));
    }
  })();
  const result = await work.finally(() => {
    isOver = true;
  });
  await sampling;
  return { result, megabytes };
}

async function residentMegabytes(processId: number): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}
