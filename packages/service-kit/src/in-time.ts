import { OutageError } from "./outage.ts";

/**
 * The result of `work`, or an `OutageError` when it takes longer. The work itself goes on: whoever starts it bounds it
 * and can live with its end being nobody's answer.
 */
export function inTime<T>(work: Promise<T>, msMax: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new OutageError(`no answer within ${msMax} ms`)), msMax);
    const settled =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        clearTimeout(timer);
        settle(value);
      };
    work.then(settled(resolve), settled(reject));
  });
}
