/** The release line whose behaviour the engine follows. Also the answer of `/v1/version`. */
export const ENGINE_VERSION = "v2.48.10";

export const USER_AGENT = `hasura-graphql-engine/${ENGINE_VERSION}`;
