import { acceptInvitation } from "./accept-invitation.ts";
import { accessKeys } from "./access-keys.ts";
import { changeMemberRole } from "./change-member-role.ts";
import { changePassword } from "./change-password.ts";
import { createAccessKey } from "./create-access-key.ts";
import { createConnection } from "./create-connection.ts";
import { declineInvitation } from "./decline-invitation.ts";
import { deleteConnection } from "./delete-connection.ts";
import { inviteUserToTenant } from "./invite-user-to-tenant.ts";
import { leaveTenant } from "./leave-tenant.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { logoutEverywhere } from "./logout-everywhere.ts";
import { mySessions } from "./my-sessions.ts";
import { publishAppVersion } from "./publish-app-version.ts";
import { publishWorkflowVersion } from "./publish-workflow-version.ts";
import { refreshSession } from "./refresh-session.ts";
import { registerUserAndTenant } from "./register-user-and-tenant.ts";
import { removeMember } from "./remove-member.ts";
import { requestPasswordReset } from "./request-password-reset.ts";
import { resendInvitation } from "./resend-invitation.ts";
import { resetPassword } from "./reset-password.ts";
import { revokeAccessKey } from "./revoke-access-key.ts";
import { revokeInvitation } from "./revoke-invitation.ts";
import { revokeSession } from "./revoke-session.ts";
import { switchTenant } from "./switch-tenant.ts";
import { testConnection } from "./test-connection.ts";
import { unpublishWorkflow } from "./unpublish-workflow.ts";
import { updateConnectionSecrets } from "./update-connection-secrets.ts";

/** Every Hasura action of this service; hasura/metadata names the same. */
export const allActions = [
  acceptInvitation,
  accessKeys,
  changeMemberRole,
  changePassword,
  createAccessKey,
  createConnection,
  declineInvitation,
  deleteConnection,
  inviteUserToTenant,
  leaveTenant,
  login,
  logout,
  logoutEverywhere,
  mySessions,
  publishAppVersion,
  publishWorkflowVersion,
  refreshSession,
  registerUserAndTenant,
  removeMember,
  requestPasswordReset,
  resendInvitation,
  resetPassword,
  revokeAccessKey,
  revokeInvitation,
  revokeSession,
  switchTenant,
  testConnection,
  unpublishWorkflow,
  updateConnectionSecrets,
];
