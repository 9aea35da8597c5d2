export { HasuraError, type HasuraErrorCode } from "./hasura-error.ts";
