/** Fewer than the connections to MongoDB, so that several tenants have to be slow at once to use them all up. */
const AT_ONCE_EACH = 4;

/** Reads of one tenant wait for each other; those of different tenants do not. */
export type Turns = {
  /** Runs `work` when it is the tenant's turn, or rejects without it once `signal` says that nobody waits any more. */
  take<T>(tenantId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
};

export function createTurns(): Turns {
  const tenants = new Map<string, { running: number; waiting: (() => void)[] }>();
  return {
    async take(tenantId, signal, work) {
      const tenant = tenants.get(tenantId) ?? { running: 0, waiting: [] };
      tenants.set(tenantId, tenant);
      if (tenant.running < AT_ONCE_EACH) tenant.running += 1;
      // Whoever is done hands its place on.
      else await new Promise<void>((resolve) => tenant.waiting.push(resolve));
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        const next = tenant.waiting.shift();
        if (next !== undefined) next();
        else if (--tenant.running === 0) tenants.delete(tenantId);
      }
    },
  };
}
