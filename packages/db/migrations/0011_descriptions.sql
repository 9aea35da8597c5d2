-- What a client reads about each column and each value of an enum: Hasura and the embedded engine show the comments of
-- PostgreSQL as descriptions of the GraphQL schema. Hasura shows those of columns only, so the values stand there too.

comment on type member_role is 'owner: everything, other owners included; admin: members, settings, dead letters, and what a builder may; builder: makes and runs workflows; viewer: reads';
comment on type membership_status is 'ACTIVE: a member; REMOVED: was one, the row stays for the history';
comment on type invitation_status is 'PENDING: open; ACCEPTED: became a membership; DECLINED: turned down by the invited; REVOKED: taken back; EXPIRED: not answered in time';
comment on type email_status is 'QUEUED: waits to be sent; SENT: a mail server took it; FAILED: given up after eight tries';
comment on type app_status is 'DRAFT: no version is published yet; PUBLISHED: at least one is';
comment on type auth_type is 'NONE: no sign-in; API_KEY: a key in a header or query parameter; BASIC: user name and password; BEARER: a token in the Authorization header; OAUTH2_CLIENT_CREDENTIALS: an access token fetched with client id and secret';
comment on type connection_status is 'UNTESTED: new, or with new secrets; ACTIVE: the last test or token fetch succeeded; FAILING: it failed. No status stops a run';
comment on type trigger_type is 'WEBHOOK: a request from outside; SCHEDULE: a slot of a cron expression';
comment on type signature_scheme is 'STANDARD_WEBHOOKS: webhook-id, webhook-timestamp and webhook-signature; GITHUB, STRIPE, SLACK, SHOPIFY: as these senders sign; GENERIC_HMAC: as signature_config says; NONE: nothing is verified';
comment on type overlap_policy is 'ALLOW: every slot starts a run; SKIP: none while a run of this schedule is not over';
comment on type catch_up_policy is 'LAST: of missed slots the newest is made up for; NONE: none is';
comment on type run_status is 'PENDING: waits for its turn, a slot, or its next attempt; QUEUED: offered to runners; RUNNING: held by a runner; CANCELLING: held by a runner that was told to stop; terminal: SUCCEEDED, FAILED, CANCELLED, and TIMED_OUT: not started or not ended by its deadline';
comment on type run_source is 'MANUAL: runWorkflow; WEBHOOK: a delivery; SCHEDULE: a slot; RETRY: retryRun or retryRuns; REPLAY: replayDelivery';
comment on type step_status is 'PENDING: not started; RUNNING: at work; terminal: SUCCEEDED, FAILED, CANCELLED, SKIPPED: its condition was false or the attempt ended before it, and TIMED_OUT';
comment on type dead_letter_kind is 'RUN: a run whose runner was lost in its last attempt; RUN_EVENT: a report of a runner that could not be applied; EMAIL: a mail that could not be sent';
comment on type dead_letter_status is 'OPEN: awaits a decision; REDRIVEN: was set going again; DISCARDED: was put aside';
comment on type actor_type is 'USER: a person or a key of theirs; SYSTEM: the platform or its operator; RUNNER: a runner, for a run';
comment on type audit_outcome is 'SUCCESS: it was done; DENIED: it was refused';
--> statement-breakpoint
comment on column tenants.slug is 'Short name for addresses and for signing in, unique over all tenants';
comment on column tenants.name is 'Name of the organisation, as people write it';
comment on column tenants.max_concurrent_runs is 'How many runs may be under way at once; further ones wait';
comment on column tenants.log_retention_days is 'How long the log lines of runs are kept, counted from the run''s claim';

comment on column users.email is 'E-mail address in lower case, unique over all tenants; what a user signs in with';
comment on column users.name is 'Name, as the user writes it';
comment on column users.password_hash is 'Hash of the password; no API role can read it';
comment on column users.password_changed_at is 'When the password was set last';
comment on column users.last_tenant_id is 'Where a sign-in without a tenant goes';

comment on column memberships.user_id is 'The member';
comment on column memberships.role is 'What the member may do in this tenant.';
comment on column memberships.status is 'Whether the membership is live.';
comment on column memberships.removed_at is 'When it ended; null while it is live';

comment on column invitations.email is 'Address the invitation went to, in lower case';
comment on column invitations.role is 'Role that the invited will have; never owner.';
comment on column invitations.status is 'What became of it.';
comment on column invitations.token_hash is 'SHA-256 of the token in the mail; no API role can read it';
comment on column invitations.expires_at is 'Until when it can be accepted';
comment on column invitations.invited_by is 'Who invited; null when that user is gone';
comment on column invitations.accepted_by is 'Who accepted it';
comment on column invitations.accepted_at is 'When it was accepted';
comment on column invitations.sent_count is 'How many mails were asked for, the first included';
comment on column invitations.last_sent_at is 'When the last mail went out';
comment on column invitations.delivery_status is 'What became of the last mail.';

comment on column apps.tenant_id is 'The tenant whose private app it is; null: an app of the global catalogue';
comment on column apps.slug is 'Short name, unique in the tenant and in the global catalogue';
comment on column apps.name is 'Name of the product, as people write it';
comment on column apps.description is 'What the product is';
comment on column apps.status is 'Whether it can be used.';

comment on column app_versions.app_id is 'The app';
comment on column app_versions.tenant_id is 'The app''s tenant; null: of the global catalogue';
comment on column app_versions.version is 'major.minor.patch, unique in the app';
comment on column app_versions.version_order is 'Rises with the version; for sorting';
comment on column app_versions.auth_type is 'How calls prove who they are.';
comment on column app_versions.auth_config is 'Settings of the auth type, no secrets: for API_KEY in, name and prefix; for BEARER prefix; for OAUTH2_CLIENT_CREDENTIALS tokenUrl, scopes, audience and clientAuthentication';
comment on column app_versions.base_url is 'What paths of requests are put behind; a connection may have its own';
comment on column app_versions.allowed_hosts is 'Host names that calls and credentials may go to: names, *.suffix, or * alone for an app without sign-in';
comment on column app_versions.test_request is 'What testConnection sends: method, path, expectedStatus and, where wanted, assert with pointer and equals';
comment on column app_versions.changelog is 'What is new in it';
comment on column app_versions.is_latest is 'Whether it is the highest published version of the app';
comment on column app_versions.published_at is 'When it was published, and so frozen; null: a draft';
comment on column app_versions.published_by is 'Who published it';

comment on column actions.app_version_id is 'The app version that offers it';
comment on column actions.tenant_id is 'The app''s tenant; null: of the global catalogue';
comment on column actions.key is 'Short name, unique in the app version';
comment on column actions.name is 'Name, as people write it';
comment on column actions.description is 'What it does';
comment on column actions.input_schema is 'JSON Schema that the input of a step has to fit';
comment on column actions.output_schema is 'JSON Schema of what a step of it gives';
comment on column actions.request is 'The HTTP request it stands for: method, path, query, headers and body, whose values may refer to /input; null: built into the runner';
comment on column actions.timeout_seconds is 'How long a step of it may take, unless the step says otherwise';
comment on column actions.position is 'Place in lists';

comment on column connections.app_version_id is 'The app version it signs in to';
comment on column connections.name is 'Name, unique in the tenant whatever its case';
comment on column connections.status is 'How its last use went.';
comment on column connections.config is 'Settings that are no secrets: baseUrl, in place of the app version''s';
comment on column connections.secret_cipher is 'The secrets, sealed; no API role can read it';
comment on column connections.secret_fields is 'Names of the secrets that are set; their values can be written and never be read';
comment on column connections.access_token_cipher is 'A fetched access token, sealed; no API role can read it';
comment on column connections.access_token_expires_at is 'When the fetched access token ends';
comment on column connections.last_tested_at is 'When testConnection ran last';
comment on column connections.last_test_result is 'What testConnection answered last';

comment on column workflows.name is 'Name; those of workflows that are not archived are unique in the tenant, whatever their case';
comment on column workflows.description is 'What it is for';
comment on column workflows.archived_at is 'When it was archived: it starts no runs; null: it is in use';

comment on column workflow_versions.workflow_id is 'The workflow';
comment on column workflow_versions.version is 'Number within the workflow, from 1 without gaps';
comment on column workflow_versions.definition is 'What it does: steps, their conditions and inputs, retries, and the output; at most 256 KiB';
comment on column workflow_versions.content_hash is 'SHA-256 of the definition, in hex; equal ones are the same definition';
comment on column workflow_versions.is_latest is 'Whether new runs use it';
comment on column workflow_versions.published_at is 'When it was published, and so frozen; null: the draft, of which a workflow has one at most';
comment on column workflow_versions.published_by is 'Who published it';

comment on column triggers.workflow_id is 'The workflow it starts';
comment on column triggers.name is 'Name, as people write it';
comment on column triggers.type is 'What sets it off; columns of the other type are null.';
comment on column triggers.enabled is 'Whether it starts runs';
comment on column triggers.webhook_path is 'WEBHOOK: last part of its address, /hooks/<path>';
comment on column triggers.signature_scheme is 'WEBHOOK: how requests are signed.';
comment on column triggers.signature_config is 'WEBHOOK: settings of GENERIC_HMAC (signatureHeader, prefix, algorithm, encoding, template, timestampHeader, idHeader) and NONE (idHeader); {} for the others';
comment on column triggers.tolerance_seconds is 'WEBHOOK: how far the timestamp of a request may be from the time it comes';
comment on column triggers.webhook_secret_cipher is 'WEBHOOK: the secret, sealed; no API role can read it';
comment on column triggers.webhook_secret_previous_cipher is 'WEBHOOK: the secret before it, sealed; no API role can read it';
comment on column triggers.webhook_secret_previous_expires_at is 'WEBHOOK: until when the secret before verifies too; null: there is none';
comment on column triggers.rejected_count is 'WEBHOOK: how many requests were refused; written every 10 s';
comment on column triggers.last_rejected_at is 'WEBHOOK: when a request was refused last';
comment on column triggers.last_rejection_reason is 'WEBHOOK: why, such as SIGNATURE_MISMATCH or TIMESTAMP_TOO_OLD; the sender is not told';
comment on column triggers.cron is 'SCHEDULE: minute, hour, day of month, month and day of week';
comment on column triggers.timezone is 'SCHEDULE: name of the IANA time zone in which cron is read';
comment on column triggers.overlap_policy is 'SCHEDULE: what a slot does while a run of this schedule is not over.';
comment on column triggers.catch_up_policy is 'SCHEDULE: what becomes of slots that were missed by more than five minutes.';
comment on column triggers.next_fire_at is 'SCHEDULE: the next slot; null: switched off, or not computed yet';
comment on column triggers.last_fired_at is 'SCHEDULE: when it fired last';
comment on column triggers.skipped_count is 'SCHEDULE: how many slots overlap_policy SKIP left out';
comment on column triggers.last_skipped_at is 'SCHEDULE: when a slot was left out last';

comment on column webhook_deliveries.trigger_id is 'The trigger that took it in';
comment on column webhook_deliveries.received_at is 'When it came';
comment on column webhook_deliveries.sender_id is 'The sender''s id of it, its first 255 characters';
comment on column webhook_deliveries.dedupe_key is 'By what a repeat is known, for 7 days; no API role can read it';
comment on column webhook_deliveries.replay_key is 'SHA-256 of its signature, for 7 days; no API role can read it';
comment on column webhook_deliveries.body_hash is 'SHA-256 of the raw body; no API role can read it';
comment on column webhook_deliveries.body_bytes is 'Size of the raw body in bytes';
comment on column webhook_deliveries.body_cipher is 'The raw body, sealed; no API role can read it';
comment on column webhook_deliveries.content_type is 'Its content type, as sent';
comment on column webhook_deliveries.headers is 'The headers that are kept: content-type, user-agent and those of the scheme; never a signature or an authorization';
comment on column webhook_deliveries.matched_secret is 'Which secret of the trigger verified it. CURRENT: the present one; PREVIOUS: the one before a rotation; NONE: nothing is verified';
comment on column webhook_deliveries.source_ip is 'Address it came from';
comment on column webhook_deliveries.duplicate_count is 'How often it came again the same; the sender heard 200';
comment on column webhook_deliveries.conflict_count is 'How often its id came with another body; the sender heard 409';
comment on column webhook_deliveries.replay_count is 'How often its signature came under another id; the sender heard 200 and no run was made';
comment on column webhook_deliveries.last_repeat_at is 'When one of these three happened last';

comment on column workflow_runs.workflow_id is 'The workflow';
comment on column workflow_runs.workflow_version_id is 'The version it executes, fixed when the run is made';
comment on column workflow_runs.status is 'Where it is.';
comment on column workflow_runs.source is 'What made it.';
comment on column workflow_runs.trigger_id is 'The trigger that made it; null: none, or deleted';
comment on column workflow_runs.webhook_delivery_id is 'The delivery that it is for; null: none, or deleted by age';
comment on column workflow_runs.scheduled_for is 'The slot, for source SCHEDULE';
comment on column workflow_runs.retry_of_run_id is 'The run that it repeats, for source RETRY';
comment on column workflow_runs.idempotency_key is 'What runWorkflow was given, unique in the workflow: the same call yields the same run';
comment on column workflow_runs.input is 'What it was started with; JSON null where nothing was given';
comment on column workflow_runs.output is 'What the definition''s output came to; null before it SUCCEEDED';
comment on column workflow_runs.error is 'What went wrong in the last attempt: code, message, stepKey, retryable';
comment on column workflow_runs.attempt is 'The present attempt, from 1';
comment on column workflow_runs.max_attempts is 'How many attempts it has, from its definition';
comment on column workflow_runs.run_at is 'Not dispatched before: when it was made, or the end of a back-off';
comment on column workflow_runs.deadline_at is 'Until the first start: when it must have started; from then on: when it must have ended';
comment on column workflow_runs.queued_at is 'When the present attempt was offered to runners';
comment on column workflow_runs.started_at is 'When a runner took it first';
comment on column workflow_runs.finished_at is 'When it ended; null while it is open';
comment on column workflow_runs.lease_token_hash is 'SHA-256 of the lease token; no API role can read it';
comment on column workflow_runs.lease_expires_at is 'When the runner is given up unless it reports; no API role can read it';
comment on column workflow_runs.runner_id is 'The runner that holds it; no API role can read it';
comment on column workflow_runs.last_event_seq is 'The highest number of a runner''s event applied in this attempt';
comment on column workflow_runs.event_buffer_bytes is 'Bytes of this attempt''s events that wait for an earlier one';
comment on column workflow_runs.cancel_requested_at is 'When somebody asked to cancel it; null: nobody did';
comment on column workflow_runs.cancel_requested_by is 'Who asked first to cancel it';
comment on column workflow_runs.traceparent is 'W3C trace context of what made it; no API role can read it';
comment on column workflow_runs.change_seq is 'Rises with every visible change of any run: the cursor of a streaming subscription';
comment on column workflow_runs.created_by is 'Who started it; null: the system, or a user who is gone';

comment on column step_runs.workflow_run_id is 'The run';
comment on column step_runs.step_key is 'Key of the step in the definition';
comment on column step_runs.action_id is 'The action that it executes';
comment on column step_runs.position is 'Place in an order in which each step comes after those it depends on';
comment on column step_runs.attempt is 'The run''s attempt; 0: copied from the run that this one repeats';
comment on column step_runs.status is 'Where it is.';
comment on column step_runs.input is 'Its input, with all references resolved';
comment on column step_runs.output is 'What it gave; null before it SUCCEEDED';
comment on column step_runs.error is 'What went wrong: code, message, retryable';
comment on column step_runs.started_at is 'When it started';
comment on column step_runs.finished_at is 'When it ended; null while it is open';

comment on column dead_letters.tenant_id is 'The tenant whose work it is; null: nobody can tell, so only the operator sees it';
comment on column dead_letters.kind is 'What was given up.';
comment on column dead_letters.reference_id is 'The run or the e-mail';
comment on column dead_letters.reason is 'Error code that it was given up with';
comment on column dead_letters.detail is 'More about the reason';
comment on column dead_letters.payload is 'What was received, for the operator; no API role can read it';
comment on column dead_letters.attempts is 'How often it was tried';
comment on column dead_letters.status is 'What became of it.';
comment on column dead_letters.resolved_at is 'When it was redriven or discarded';
comment on column dead_letters.resolved_by is 'Who redrove or discarded it';

comment on column audit_events.id is 'Id of the event; rises with time: the cursor of a streaming subscription';
comment on column audit_events.tenant_id is 'The tenant it happened in; null: in none';
comment on column audit_events.occurred_at is 'When it happened';
comment on column audit_events.actor_type is 'Who acted.';
comment on column audit_events.actor_id is 'The user or the run; null for the system';
comment on column audit_events.actor_role is 'Role in which the user acted; operator for Hasura''s admin secret';
comment on column audit_events.action is 'What was done, such as workflow.created or inviteUserToTenant.denied';
comment on column audit_events.target_type is 'What kind of thing it was done to, such as workflow';
comment on column audit_events.target_id is 'The thing it was done to; it may be gone';
comment on column audit_events.changes is 'By column what changed: old and new, or changed: true where values are not shown';
comment on column audit_events.outcome is 'How it went.';
comment on column audit_events.source is 'Through what it was done: hasura, auth-actions, webhook-gateway, orchestrator, runner or cli; /access-key behind it: with a key';
comment on column audit_events.request_id is 'Id of the request, as in x-request-id and in refusals';
comment on column audit_events.trace_id is 'Trace of the request';
--> statement-breakpoint
-- The rest falls into classes, and a column of an enum says what its values mean.
do $$
declare
  c record;
begin
  for c in
    select a.attrelid::regclass as relation, a.attname, case a.attname
        when 'id' then 'Id of the row; rises with time'
        when 'tenant_id' then 'The tenant it belongs to'
        when 'created_at' then 'When it was made'
        when 'updated_at' then 'When it changed last'
        when 'created_by' then 'Who made it; null: the system, or a user who is gone'
      end as comment
    from pg_attribute a join pg_class r on r.oid = a.attrelid
    where r.relnamespace = 'public'::regnamespace and r.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and col_description(a.attrelid, a.attnum) is null
      and a.attname in ('id', 'tenant_id', 'created_at', 'updated_at', 'created_by')
  loop
    execute format('comment on column %s.%I is %L', c.relation, c.attname, c.comment);
  end loop;
  for c in
    select a.attrelid::regclass as relation, a.attname,
      concat_ws(' ', col_description(a.attrelid, a.attnum), obj_description(t.oid, 'pg_type')) as comment
    from pg_attribute a join pg_class r on r.oid = a.attrelid join pg_type t on t.oid = a.atttypid
    where r.relnamespace = 'public'::regnamespace and r.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and t.typtype = 'e'
  loop
    execute format('comment on column %s.%I is %L', c.relation, c.attname, c.comment);
  end loop;
end
$$;
