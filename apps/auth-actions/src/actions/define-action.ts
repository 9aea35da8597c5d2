import {
  type ActionAccess,
  type Caller,
  defineAction as defineHasuraAction,
  type HasuraAction,
  type MemberRole,
} from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { z } from "zod";
import type { Deps } from "../deps.ts";
import type { Origin } from "../domain/sessions.ts";

/** What every operation runs with, through Hasura and over HTTP alike. */
export type Call = { deps: Deps; origin: Origin };
export type Operation<O = unknown> = HasuraAction<Call, O>;

type Contract<I, O> = {
  name: string;
  input: z.ZodType<I>;
  output: z.ZodType<O>;
  /**
   * Whether a program may call it with a token that was bought with an access key. Refused unless said otherwise, so that
   * a leaked key can neither make itself permanent nor change who has access.
   */
  accessKeys?: "allowed";
};

/** Defines one operation of this service; `caller` is what its access promises. */
export function defineAction<I, O>(
  definition: Contract<I, O> & {
    access: { readonly kind: "anonymous" };
    run(input: I, call: Call): Promise<O>;
  },
): Operation<O>;
export function defineAction<I, O>(
  definition: Contract<I, O> & {
    access: { readonly kind: "member"; readonly roles: readonly MemberRole[] };
    run(input: I, call: Call & { caller: Caller }): Promise<O>;
  },
): Operation<O>;
export function defineAction<I, O>(
  definition: Contract<I, O> & {
    access: { readonly kind: "either"; readonly roles: readonly MemberRole[] };
    run(input: I, call: Call & { caller: Caller | undefined }): Promise<O>;
  },
): Operation<O>;
export function defineAction<I, O>(
  definition: Contract<I, O> & {
    access: ActionAccess;
    run(input: I, call: Call & { caller: unknown }): Promise<O>;
  },
): Operation<O> {
  const { access, accessKeys, run, ...contract } = definition;
  const runFor = async (input: I, caller: Caller | undefined, call: Call): Promise<O> => {
    if (caller?.tokenSource === "access-key" && accessKeys !== "allowed")
      throw new AppError("FORBIDDEN", "an access key may not do this");
    return run(input, { ...call, caller });
  };
  switch (access.kind) {
    case "anonymous":
      return defineHasuraAction({
        ...contract,
        access,
        run: (i, { deps }: { deps: Call }) => runFor(i, undefined, deps),
      });
    case "member":
      return defineHasuraAction({
        ...contract,
        access,
        run: (i, { caller, deps }: { caller: Caller; deps: Call }) => runFor(i, caller, deps),
      });
    case "either":
      return defineHasuraAction({
        ...contract,
        access,
        run: (i, { caller, deps }: { caller: Caller | undefined; deps: Call }) => runFor(i, caller, deps),
      });
    default:
      return access satisfies never;
  }
}
