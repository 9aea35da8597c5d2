import { unlessAborted } from "../unless-aborted.ts";
import type { Step } from "./story.ts";

export type Print = (line: string) => void;

/** Plays the steps in order and tells each; the failing one is named. An aborted signal ends it within a step. */
export async function playStory(
  steps: readonly Step[],
  print: Print,
  signal?: AbortSignal,
): Promise<{ failed: string | undefined }> {
  for (const [index, step] of steps.entries()) {
    const startedAt = performance.now();
    const label = `${String(index + 1).padStart(2)}  ${step.name}`;
    try {
      const telling = await unlessAborted(step.play(), signal);
      print(`${label}  (${Math.round(performance.now() - startedAt)} ms)`);
      print(`      ${telling.who} → ${telling.call}`);
      print(`      ← ${telling.answer}`);
      print(`      shows: ${telling.proves}`);
    } catch (error) {
      if (signal?.aborted === true) return { failed: undefined };
      print(`${label}  FAILED after ${Math.round(performance.now() - startedAt)} ms`);
      print(`      ${error instanceof Error ? error.message : String(error)}`);
      return { failed: step.name };
    }
  }
  return { failed: undefined };
}
