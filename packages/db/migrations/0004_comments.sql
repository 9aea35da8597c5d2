-- Each index and constraint says which query or rule it serves.

comment on index audit_events_trail_idx is 'the trail of a tenant, newest first, keyset-paged';
comment on index audit_events_target_idx is 'history of one object';
comment on index audit_events_actor_idx is 'own actions of a builder';
comment on index dead_letters_open_reference_key is 'one open dead letter per run or e-mail';
comment on index dead_letters_tenant_list_idx is 'dead letters of a tenant by status';
comment on index app_versions_latest_key is 'one latest version per app';
comment on index app_versions_app_id_version_order_idx is 'versions of an app, highest first';
comment on index connections_tenant_id_name_key is 'connection names are unique in a tenant, whatever their case';
comment on index connections_tenant_id_app_version_id_idx is 'connections offered for a step';
comment on index webhook_deliveries_dedupe_key is 'one delivery per dedupe key and trigger for seven days';
comment on index webhook_deliveries_replay_key is 'a signature seen before makes no second run';
comment on index webhook_deliveries_tenant_list_idx is 'deliveries of a tenant, newest first, keyset-paged';
comment on index webhook_deliveries_trigger_list_idx is 'deliveries of a trigger, newest first; the key of a trigger being deleted';
comment on index internal.data_keys_active_key is 'one active data key per tenant, and one for the platform';
comment on index internal.emails_queued_idx is 'the mail loop: due e-mails';
comment on index internal.password_resets_user_id_idx is 'an older open reset of the user dies with a new one';
comment on index internal.refresh_tokens_parent_id_idx is 'siblings of a refresh token';
comment on index internal.refresh_tokens_session_id_idx is 'tokens of a session, when it is purged';
comment on index internal.sessions_open_idx is 'open sessions of a user';
comment on index internal.signing_keys_next_or_current_key is 'one NEXT and one CURRENT signing key';
comment on index step_runs_run_list_idx is 'steps of a run in order, also nested';
comment on index workflow_runs_tenant_list_idx is 'run list of a tenant, newest first, keyset-paged';
comment on index workflow_runs_workflow_list_idx is 'runs of a workflow, also nested';
comment on index workflow_runs_status_list_idx is 'failed runs of a tenant';
comment on index workflow_runs_change_seq_idx is 'streaming subscription';
comment on index workflow_runs_pending_idx is 'dispatcher: tenants with work, oldest first in each';
comment on index workflow_runs_in_flight_idx is 'slots in use per tenant; all sweeps';
comment on index workflow_runs_idempotency_key is 'runWorkflow called again';
comment on index workflow_runs_slot_key is 'one fire per slot';
comment on index workflow_runs_delivery_key is 'one run per delivery';
comment on index workflow_runs_delivery_idx is 'runs and replays of a delivery; the key of a delivery that retention deletes';
comment on index workflow_runs_overlap_idx is 'overlap policy SKIP: is a run of this trigger not terminal';
comment on index workflow_runs_retry_of_run_id_idx is 'retries of a run';
comment on index invitations_pending_email_key is 'one open invitation per address and tenant';
comment on index invitations_tenant_list_idx is 'invitations of a tenant, newest first, keyset-paged';
comment on index invitations_expiry_idx is 'hourly expiry of open invitations';
comment on index memberships_user_id_status_idx is 'tenants of a user at login';
comment on index triggers_tenant_id_workflow_id_idx is 'triggers of a workflow';
comment on index triggers_next_fire_at_idx is 'schedule loop: due triggers';
comment on index workflow_versions_latest_key is 'one latest version per workflow';
comment on index workflow_versions_draft_key is 'one draft per workflow';
comment on index workflows_tenant_id_name_key is 'names of workflows that are not archived are unique in a tenant, whatever their case';
comment on index workflows_tenant_list_idx is 'workflows of a tenant, newest first, keyset-paged';

comment on constraint tenants_slug_key on tenants is 'a slug names one tenant';
comment on constraint users_email_key on users is 'an e-mail names one user; login';
comment on constraint memberships_tenant_id_user_id_key on memberships is 'a member who comes back reuses the row; live membership in every permission';
comment on constraint invitations_token_hash_key on invitations is 'an invitation is found by the hash of its token';
comment on constraint apps_tenant_id_slug_key on apps is 'a slug names one app in a tenant and in the global catalogue';
comment on constraint app_versions_app_id_version_key on app_versions is 'a version by its number';
comment on constraint actions_app_version_id_key_key on actions is 'an action by its key; actions of a version';
comment on constraint workflow_versions_workflow_id_version_key on workflow_versions is 'a version by its number';
comment on constraint workflow_versions_tenant_id_workflow_id_id_key on workflow_versions is 'target of the run''s composite key';
comment on constraint triggers_webhook_path_key on triggers is 'a webhook path names one trigger; intake';
comment on constraint step_runs_workflow_run_id_step_key_attempt_key on step_runs is 'one row per step and attempt; reducer';
comment on constraint refresh_tokens_token_hash_key on internal.refresh_tokens is 'a token is found by its hash';
comment on constraint password_resets_token_hash_key on internal.password_resets is 'a token is found by its hash';
comment on constraint signing_keys_kid_key on internal.signing_keys is 'a key by its thumbprint';

comment on constraint users_email_lower on users is 'e-mail is stored in lower case, so that it is unique whatever its case';
comment on constraint invitations_email_lower on invitations is 'e-mail is stored in lower case, as in users';
comment on constraint memberships_removed_at_set on memberships is 'exactly the removed members have a time of removal';
comment on constraint invitations_role_not_owner on invitations is 'an owner is made of a member, never invited';
comment on constraint app_versions_latest_is_published on app_versions is 'a draft is never the latest version';
comment on constraint workflow_versions_latest_is_published on workflow_versions is 'a draft is never the latest version';
comment on constraint workflow_versions_definition_size on workflow_versions is 'a definition is at most 256 KiB';
comment on constraint triggers_webhook_columns on triggers is 'a webhook trigger has path, scheme, config, tolerance and, unless unsigned, a secret; others have none of them';
comment on constraint triggers_schedule_columns on triggers is 'a schedule trigger has cron, zone and both policies; others have none of them';
comment on constraint webhook_deliveries_matched_secret_value on webhook_deliveries is 'which secret verified the delivery';
comment on constraint workflow_runs_finished_at_set on workflow_runs is 'exactly the terminal runs have an end';
comment on constraint workflow_runs_lease_held on workflow_runs is 'exactly the runs held by a runner have a lease';
comment on constraint workflow_runs_attempt_range on workflow_runs is 'attempts count from 1 to max_attempts';
comment on constraint dead_letters_payload_size on dead_letters is 'a payload is at most 64 KiB';
comment on constraint data_keys_wrapped_unless_destroyed on internal.data_keys is 'exactly the destroyed keys have no key material';
comment on constraint emails_kind_value on internal.emails is 'the two kinds of e-mail';

-- The rest falls into classes.
do $$
declare
  c record;
begin
  for c in
    select k.conrelid::regclass as relation, k.conname, k.contype, cardinality(k.conkey) as width, k.confrelid::regclass as target
    from pg_constraint k
    where k.connamespace in ('public'::regnamespace, 'internal'::regnamespace) and k.contype in ('p', 'u', 'f', 'c')
      and obj_description(k.oid, 'pg_constraint') is null
  loop
    execute format('comment on constraint %I on %s is %L', c.conname, c.relation, case
      when c.contype = 'p' then 'one row by its key'
      when c.contype = 'u' then 'target of composite foreign keys, so that no row refers to another tenant''s row'
      when c.contype = 'f' and c.width > 1 then format('the row of %s exists and belongs to the same tenant', c.target)
      when c.contype = 'f' then format('the row of %s exists', c.target)
      when c.conname like '%\_length' then 'text and digests are bounded'
      when c.conname like '%\_range' then 'the number is within its bounds'
      when c.conname like '%\_form' then 'the text has the form its readers rely on'
    end);
  end loop;
end
$$;
