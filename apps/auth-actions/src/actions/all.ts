import { login } from "./login.ts";
import { publishWorkflowVersion } from "./publish-workflow-version.ts";
import { registerUserAndTenant } from "./register-user-and-tenant.ts";

/** Every Hasura action of this service; hasura/metadata names the same. */
export const allActions = [login, publishWorkflowVersion, registerUserAndTenant];
