const BATCH = 1_000;

/** Repeats a statement that touches at most so many rows until it finds fewer; gives their number. Locks stay short. */
export async function inBatches(work: (rowsMax: number) => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await work(BATCH);
    total += count;
    if (count < BATCH) return total;
  }
}
