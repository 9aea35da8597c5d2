import { z } from "zod";

/** What a load generator is told. */
export const jobSchema = z.object({
  url: z.url(),
  connections: z.int().positive(),
  seconds: z.int().positive(),
  /** See `requests-file.ts`; sent one after the other, and again from the first. */
  requestsFile: z.string(),
  /** How every right answer begins; an error in a 200 is a wrong one. */
  answerBegins: z.string().min(1),
});
export type Job = z.infer<typeof jobSchema>;

/** A steady load, from which latency can be judged: so many a second, whatever the answers take. */
export const steadyJobSchema = jobSchema.extend({
  /** Undefined: as fast as the connections go. */
  requestsPerSecond: z.number().positive().optional(),
});
export type SteadyJob = z.infer<typeof steadyJobSchema>;

/** What it counted. `requests` are the 2xx; latencies are in milliseconds. */
export const figuresSchema = z.object({
  requestsPerSecond: z.number(),
  requests: z.int(),
  p50: z.number(),
  p99: z.number(),
  non2xx: z.int(),
  socketErrors: z.int(),
  wrongAnswers: z.int(),
  /** How often it began with the first request anew. */
  turns: z.int(),
});
export type Figures = z.infer<typeof figuresSchema>;

/** A program that loads a server, run as a process of its own. */
export type Generator = { readonly name: string; measure(job: Job): Promise<Figures> };
