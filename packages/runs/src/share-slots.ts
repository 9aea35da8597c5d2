/** A tenant with runs that are due. */
export type Waiting = {
  tenantId: string;
  /** Its runs that hold a slot, and how many may. */
  inFlight: number;
  slots: number;
  /** When the first of its runs was due. */
  dueAt: number;
};

/**
 * How many runs each tenant may have dispatched: every tenant gets its k-th slot before anybody gets the next one, and no
 * more than `room` are given in all. Where the last ones do not go round, those who wait longest get them.
 */
export function shareSlots(tenants: readonly Waiting[], room: number): ReadonlyMap<string, number> {
  const upTo = (level: number, { inFlight, slots }: Waiting): number => Math.max(Math.min(level, slots) - inFlight, 0);
  const filled = (level: number): number => tenants.reduce((sum, tenant) => sum + upTo(level, tenant), 0);
  const top = Math.max(0, ...tenants.map(({ slots }) => slots));
  // The highest level to which all can be filled.
  let [level, beyond] = [0, top + 1];
  while (beyond - level > 1) {
    const middle = Math.floor((level + beyond) / 2);
    if (filled(middle) <= room) level = middle;
    else beyond = middle;
  }
  const shares = new Map(tenants.map((tenant) => [tenant.tenantId, upTo(level, tenant)]));
  const next = tenants.filter(({ inFlight, slots }) => inFlight <= level && level < slots);
  for (const { tenantId } of next.sort((a, b) => a.dueAt - b.dueAt).slice(0, room - filled(level)))
    shares.set(tenantId, (shares.get(tenantId) ?? 0) + 1);
  return shares;
}
