import { readdir, readFile } from "node:fs/promises";

/** Seconds of processor that all threads a process has at this moment have used. Linux only. */
export async function processorSeconds(processId: number): Promise<number> {
  const threads = await readdir(`/proc/${processId}/task`);
  const used = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${processId}/task/${thread}/schedstat`, "utf8").catch(() => "0");
      return Number(text.split(" ")[0]);
    }),
  );
  return used.reduce((total, nanoseconds) => total + nanoseconds, 0) / 1e9;
}
