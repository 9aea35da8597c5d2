import { z } from "zod";

/**
 * What one document may cost before PostgreSQL sees anything of it. `actionFields` and `introspectionValues` are for all
 * documents of one body together.
 */
export type DocumentLimits = {
  /** Fields and spreads, as often as fragments repeat them. */
  readonly fields: number;
  readonly rootFields: number;
  /** Statements and subqueries of lists, relationships, aggregates and orderings. */
  readonly subqueries: number;
  /** Relationships inside conditions, and how many of them may lie inside each other. */
  readonly conditionRelationships: number;
  readonly conditionDepth: number;
  /** Root mutations, updates of `update_many`, and rows that are inserted one by one. */
  readonly writes: number;
  readonly actionFields: number;
  readonly introspectionValues: number;
  /** Characters of the SQL of one query. */
  readonly statementLength: number;
};

/** The process's own bounds: no role and no setting goes beyond them. */
export const LIMITS_OF_ADMIN: DocumentLimits = {
  fields: 20_000,
  rootFields: Number.POSITIVE_INFINITY,
  subqueries: Number.POSITIVE_INFINITY,
  conditionRelationships: Number.POSITIVE_INFINITY,
  conditionDepth: Number.POSITIVE_INFINITY,
  writes: Number.POSITIVE_INFINITY,
  actionFields: Number.POSITIVE_INFINITY,
  introspectionValues: 2_000_000,
  statementLength: Number.POSITIVE_INFINITY,
};

/** The longest delay of Node's timers; a longer one is over at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

const bound = (whenUnset: number, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(1).max(max).default(whenUnset);

/** Of every role but `admin`. */
export const documentLimitsShape = {
  HASURA_ENGINE_DOCUMENT_FIELDS_MAX: bound(2_000, LIMITS_OF_ADMIN.fields),
  HASURA_ENGINE_DOCUMENT_ROOT_FIELDS_MAX: bound(60),
  HASURA_ENGINE_DOCUMENT_SUBQUERIES_MAX: bound(60),
  HASURA_ENGINE_DOCUMENT_CONDITION_RELATIONSHIPS_MAX: bound(30),
  HASURA_ENGINE_DOCUMENT_CONDITION_DEPTH_MAX: bound(6),
  HASURA_ENGINE_DOCUMENT_WRITES_MAX: bound(500),
  HASURA_ENGINE_DOCUMENT_ACTION_FIELDS_MAX: bound(5),
  HASURA_ENGINE_DOCUMENT_INTROSPECTION_VALUES_MAX: bound(150_000, LIMITS_OF_ADMIN.introspectionValues),
  HASURA_ENGINE_STATEMENT_LENGTH_MAX: bound(200_000),
};

const limitsSchema = z.object(documentLimitsShape);

export function documentLimits(env: z.output<typeof limitsSchema>): DocumentLimits {
  return {
    fields: env.HASURA_ENGINE_DOCUMENT_FIELDS_MAX,
    rootFields: env.HASURA_ENGINE_DOCUMENT_ROOT_FIELDS_MAX,
    subqueries: env.HASURA_ENGINE_DOCUMENT_SUBQUERIES_MAX,
    conditionRelationships: env.HASURA_ENGINE_DOCUMENT_CONDITION_RELATIONSHIPS_MAX,
    conditionDepth: env.HASURA_ENGINE_DOCUMENT_CONDITION_DEPTH_MAX,
    writes: env.HASURA_ENGINE_DOCUMENT_WRITES_MAX,
    actionFields: env.HASURA_ENGINE_DOCUMENT_ACTION_FIELDS_MAX,
    introspectionValues: env.HASURA_ENGINE_DOCUMENT_INTROSPECTION_VALUES_MAX,
    statementLength: env.HASURA_ENGINE_STATEMENT_LENGTH_MAX,
  };
}

/** What one holder may use beside all others; `holderOf` says who that is. The role `admin` has the total only. */
export type ShareLimits = {
  readonly statementTimeoutMs: number;
  readonly answerBytes: number;
  readonly connections: number;
  readonly connectionsEach: number;
  /** Requests in work: from their first byte to the last byte of their answer. */
  readonly requests: number;
  readonly requestsEach: number;
  /** Requests, and statements, that wait for their turn. */
  readonly waitingEach: number;
  readonly socketsEach: number;
  readonly liveQueriesEach: number;
  readonly polls: number;
  readonly pollsEach: number;
  /** Of answers that their clients have not taken yet. */
  readonly unsentBytes: number;
  readonly unsentBytesEach: number;
  /** How long a client may take for a large answer. */
  readonly answerTakenWithinMs: number;
};

const MEBIBYTE = 1024 * 1024;

export const shareLimitsShape = {
  HASURA_ENGINE_STATEMENT_TIMEOUT: bound(5_000, TIMER_MS_MAX),
  HASURA_ENGINE_ANSWER_BYTES_MAX: bound(16 * MEBIBYTE),
  HASURA_ENGINE_CONNECTIONS: bound(10),
  HASURA_ENGINE_CONNECTIONS_EACH: bound(4),
  HASURA_ENGINE_REQUESTS: bound(200),
  HASURA_ENGINE_REQUESTS_EACH: bound(20),
  HASURA_ENGINE_WAITING_EACH: bound(200),
  HASURA_ENGINE_SOCKETS_EACH: bound(100),
  HASURA_ENGINE_LIVE_QUERIES_EACH: bound(200),
  HASURA_ENGINE_POLLS: bound(6),
  HASURA_ENGINE_POLLS_EACH: bound(2),
  HASURA_ENGINE_UNSENT_BYTES: bound(128 * MEBIBYTE),
  HASURA_ENGINE_UNSENT_BYTES_EACH: bound(32 * MEBIBYTE),
  HASURA_ENGINE_ANSWER_TAKEN_WITHIN: bound(30_000, TIMER_MS_MAX),
};

const sharesSchema = z.object(shareLimitsShape);

export function shareLimits(env: z.output<typeof sharesSchema>): ShareLimits {
  return {
    statementTimeoutMs: env.HASURA_ENGINE_STATEMENT_TIMEOUT,
    answerBytes: env.HASURA_ENGINE_ANSWER_BYTES_MAX,
    connections: env.HASURA_ENGINE_CONNECTIONS,
    connectionsEach: env.HASURA_ENGINE_CONNECTIONS_EACH,
    requests: env.HASURA_ENGINE_REQUESTS,
    requestsEach: env.HASURA_ENGINE_REQUESTS_EACH,
    waitingEach: env.HASURA_ENGINE_WAITING_EACH,
    socketsEach: env.HASURA_ENGINE_SOCKETS_EACH,
    liveQueriesEach: env.HASURA_ENGINE_LIVE_QUERIES_EACH,
    polls: env.HASURA_ENGINE_POLLS,
    pollsEach: env.HASURA_ENGINE_POLLS_EACH,
    unsentBytes: env.HASURA_ENGINE_UNSENT_BYTES,
    unsentBytesEach: env.HASURA_ENGINE_UNSENT_BYTES_EACH,
    answerTakenWithinMs: env.HASURA_ENGINE_ANSWER_TAKEN_WITHIN,
  };
}
