import { OutageError } from "./outage.ts";

/**
 * The result of `work`, or an `OutageError` when it takes longer. The work itself goes on: whoever starts it bounds it
 * and can live with its end being nobody's answer.
 */
export async function inTime<T>(work: Promise<T>, msMax: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new OutageError(`no answer within ${msMax} ms`)), msMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
