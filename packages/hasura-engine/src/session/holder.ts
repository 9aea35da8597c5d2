/** On whose account something is used. `exempt`: bounded together with all others only. */
export type Holder = { readonly key: string; readonly exempt: boolean };

/** Of the role `admin`. */
export const UNBOUND: Holder = { key: "", exempt: true };

export type HolderRules = {
  /** Session variables that name a holder; the first that a session has counts. */
  readonly sharedBy: readonly string[];
  readonly unauthorizedRole: string | undefined;
};

type Caller = { readonly role: string; readonly admin: boolean; readonly variables: ReadonlyMap<string, string> };

/** Variables of an unauthorized session come from its client's headers, which may name anybody: its address counts. */
export function holderOf(session: Caller, address: string, { sharedBy, unauthorizedRole }: HolderRules): Holder {
  if (session.admin) return UNBOUND;
  if (session.role !== unauthorizedRole) {
    for (const name of sharedBy) {
      const value = session.variables.get(name);
      if (value !== undefined) return { key: `${name}=${value}`, exempt: false };
    }
  }
  return holderOfAddress(address);
}

/** Also before anybody is asked who it is. */
export function holderOfAddress(address: string): Holder {
  return { key: `address=${address}`, exempt: false };
}
