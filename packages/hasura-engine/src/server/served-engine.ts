import type { Inconsistency } from "../model/model.ts";
import type { RequestContext } from "../session/session.ts";

/** What the HTTP edge needs of an engine. */
export type ServedEngine<GraphqlRequest = unknown> = {
  /** Throws HasuraError for a body that is no request. */
  parseRequestBody(text: string): { readonly requests: readonly GraphqlRequest[]; readonly batch: boolean };
  /** `dataText` is the JSON text of `data`. Throws HasuraError or PassedThroughError. */
  execute(
    request: GraphqlRequest,
    context: RequestContext,
  ): Promise<{ readonly dataText: string; readonly setCookie: readonly string[] }>;
  inconsistencies(): readonly Inconsistency[];
  /** Resolves while the database answers. */
  ping(): Promise<void>;
};

/** What `/v1/metadata` needs of whoever holds the metadata. */
export type MetadataHolder = {
  /** The metadata in force, as read from the directory: merged, environment templates not filled in. */
  current(): unknown;
  /** Reads the directory again. Throws HasuraError `not-supported` with all problems; the old metadata stays then. */
  reload(): Promise<void>;
};
