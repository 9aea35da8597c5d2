import { z } from "zod";

/** What a load generator is told. */
export const jobSchema = z.object({
  url: z.url(),
  connections: z.int().positive(),
  seconds: z.int().positive(),
  /** Sent one after the other, and again from the first. */
  requests: z.array(z.object({ path: z.string(), headers: z.record(z.string(), z.string()), body: z.string() })).min(1),
  /** How every right answer begins; an error in a 200 is a wrong one. */
  answerBegins: z.string().min(1),
});
export type Job = z.infer<typeof jobSchema>;

/** What it counted. `requests` are the 2xx; latencies are in milliseconds. */
export const figuresSchema = z.object({
  requestsPerSecond: z.number(),
  requests: z.int(),
  p50: z.number(),
  p99: z.number(),
  non2xx: z.int(),
  socketErrors: z.int(),
  wrongAnswers: z.int(),
});
export type Figures = z.infer<typeof figuresSchema>;

/** A program that loads a server, run as a process of its own. */
export type Generator = { readonly name: string; measure(job: Job): Promise<Figures> };
