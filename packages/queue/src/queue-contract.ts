import type { JobsOptions } from "bullmq";
import type { z } from "zod";

/** One queue as both ends know it. */
export type QueueContract<P extends object> = {
  name: string;
  contractVersion: number;
  payload: z.ZodType<P>;
  /** The same payload gives the same id, so that publishing twice is harmless. No `:`, not an integer. */
  jobId(payload: P): string;
  options: JobsOptions;
};

export function defineQueue<P extends object>(contract: QueueContract<P>): QueueContract<P> {
  return contract;
}
