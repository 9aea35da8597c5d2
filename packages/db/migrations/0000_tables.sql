CREATE SCHEMA "internal";
--> statement-breakpoint
CREATE TYPE "public"."actor_type" AS ENUM('USER', 'SYSTEM', 'RUNNER');--> statement-breakpoint
CREATE TYPE "public"."app_status" AS ENUM('DRAFT', 'PUBLISHED');--> statement-breakpoint
CREATE TYPE "public"."audit_outcome" AS ENUM('SUCCESS', 'DENIED');--> statement-breakpoint
CREATE TYPE "public"."auth_type" AS ENUM('NONE', 'API_KEY', 'BASIC', 'BEARER', 'OAUTH2_CLIENT_CREDENTIALS');--> statement-breakpoint
CREATE TYPE "public"."catch_up_policy" AS ENUM('NONE', 'LAST');--> statement-breakpoint
CREATE TYPE "public"."connection_status" AS ENUM('UNTESTED', 'ACTIVE', 'FAILING');--> statement-breakpoint
CREATE TYPE "internal"."data_key_state" AS ENUM('ACTIVE', 'DECRYPT_ONLY', 'DESTROYED');--> statement-breakpoint
CREATE TYPE "public"."dead_letter_kind" AS ENUM('RUN', 'RUN_EVENT', 'EMAIL');--> statement-breakpoint
CREATE TYPE "public"."dead_letter_status" AS ENUM('OPEN', 'REDRIVEN', 'DISCARDED');--> statement-breakpoint
CREATE TYPE "public"."email_status" AS ENUM('QUEUED', 'SENT', 'FAILED');--> statement-breakpoint
CREATE TYPE "public"."invitation_status" AS ENUM('PENDING', 'ACCEPTED', 'DECLINED', 'REVOKED', 'EXPIRED');--> statement-breakpoint
CREATE TYPE "public"."member_role" AS ENUM('owner', 'admin', 'builder', 'viewer');--> statement-breakpoint
CREATE TYPE "public"."membership_status" AS ENUM('ACTIVE', 'REMOVED');--> statement-breakpoint
CREATE TYPE "public"."overlap_policy" AS ENUM('ALLOW', 'SKIP');--> statement-breakpoint
CREATE TYPE "public"."run_source" AS ENUM('MANUAL', 'WEBHOOK', 'SCHEDULE', 'RETRY', 'REPLAY');--> statement-breakpoint
CREATE TYPE "public"."run_status" AS ENUM('PENDING', 'QUEUED', 'RUNNING', 'CANCELLING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT');--> statement-breakpoint
CREATE TYPE "public"."signature_scheme" AS ENUM('STANDARD_WEBHOOKS', 'GITHUB', 'STRIPE', 'SLACK', 'SHOPIFY', 'GENERIC_HMAC', 'NONE');--> statement-breakpoint
CREATE TYPE "internal"."signing_key_state" AS ENUM('NEXT', 'CURRENT', 'RETIRING', 'RETIRED');--> statement-breakpoint
CREATE TYPE "public"."step_status" AS ENUM('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED', 'TIMED_OUT');--> statement-breakpoint
CREATE TYPE "public"."trigger_type" AS ENUM('WEBHOOK', 'SCHEDULE');--> statement-breakpoint
CREATE TABLE "audit_events" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid,
	"occurred_at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor_type" "actor_type" NOT NULL,
	"actor_id" uuid,
	"actor_role" text,
	"action" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" uuid,
	"changes" jsonb,
	"outcome" "audit_outcome" NOT NULL,
	"source" text NOT NULL,
	"request_id" text,
	"trace_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "dead_letters" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid,
	"kind" "dead_letter_kind" NOT NULL,
	"reference_id" uuid,
	"reason" text NOT NULL,
	"detail" text,
	"payload" jsonb,
	"attempts" integer DEFAULT 0 NOT NULL,
	"status" "dead_letter_status" DEFAULT 'OPEN' NOT NULL,
	"resolved_at" timestamp with time zone,
	"resolved_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dead_letters_reason_length" CHECK (char_length("dead_letters"."reason") between 1 and 120),
	CONSTRAINT "dead_letters_detail_length" CHECK (char_length("dead_letters"."detail") between 0 and 1000),
	CONSTRAINT "dead_letters_payload_size" CHECK (octet_length("dead_letters"."payload"::text) <= 65536)
);
--> statement-breakpoint
CREATE TABLE "actions" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"app_version_id" uuid NOT NULL,
	"tenant_id" uuid,
	"key" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"input_schema" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"output_schema" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"request" jsonb,
	"timeout_seconds" integer DEFAULT 60 NOT NULL,
	"position" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "actions_app_version_id_key_key" UNIQUE("app_version_id","key"),
	CONSTRAINT "actions_key_form" CHECK ("actions"."key" ~ '^[a-z][a-z0-9_]{0,62}$'),
	CONSTRAINT "actions_name_length" CHECK (char_length("actions"."name") between 1 and 120),
	CONSTRAINT "actions_description_length" CHECK (char_length("actions"."description") between 0 and 2000),
	CONSTRAINT "actions_timeout_seconds_range" CHECK ("actions"."timeout_seconds" between 1 and 3600)
);
--> statement-breakpoint
CREATE TABLE "app_versions" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"app_id" uuid NOT NULL,
	"tenant_id" uuid,
	"version" text NOT NULL,
	"version_order" bigint GENERATED ALWAYS AS (case when version ~ '^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$'
          then split_part(version, '.', 1)::bigint * 1000000000000
            + split_part(version, '.', 2)::bigint * 1000000
            + split_part(version, '.', 3)::bigint
          else 0 end) STORED NOT NULL,
	"auth_type" "auth_type" NOT NULL,
	"auth_config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"base_url" text,
	"allowed_hosts" text[] DEFAULT '{}'::text[] NOT NULL,
	"test_request" jsonb,
	"changelog" text,
	"is_latest" boolean DEFAULT false NOT NULL,
	"published_at" timestamp with time zone,
	"published_by" uuid,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "app_versions_app_id_version_key" UNIQUE("app_id","version"),
	CONSTRAINT "app_versions_version_form" CHECK ("app_versions"."version" ~ '^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$'),
	CONSTRAINT "app_versions_base_url_form" CHECK ("app_versions"."base_url" ~ '^https?://'),
	CONSTRAINT "app_versions_base_url_length" CHECK (char_length("app_versions"."base_url") between 8 and 2000),
	CONSTRAINT "app_versions_changelog_length" CHECK (char_length("app_versions"."changelog") between 0 and 2000),
	CONSTRAINT "app_versions_latest_is_published" CHECK (not "app_versions"."is_latest" or "app_versions"."published_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "apps" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"status" "app_status" DEFAULT 'DRAFT' NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "apps_tenant_id_slug_key" UNIQUE NULLS NOT DISTINCT("tenant_id","slug"),
	CONSTRAINT "apps_slug_form" CHECK ("apps"."slug" ~ '^[a-z][a-z0-9-]{1,62}$'),
	CONSTRAINT "apps_name_length" CHECK (char_length("apps"."name") between 1 and 120),
	CONSTRAINT "apps_description_length" CHECK (char_length("apps"."description") between 0 and 2000)
);
--> statement-breakpoint
CREATE TABLE "connections" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"app_version_id" uuid NOT NULL,
	"name" text NOT NULL,
	"status" "connection_status" DEFAULT 'UNTESTED' NOT NULL,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"secret_cipher" "bytea",
	"secret_fields" text[] DEFAULT '{}'::text[] NOT NULL,
	"access_token_cipher" "bytea",
	"access_token_expires_at" timestamp with time zone,
	"last_tested_at" timestamp with time zone,
	"last_test_result" jsonb,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "connections_name_length" CHECK (char_length("connections"."name") between 1 and 120)
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"trigger_id" uuid NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sender_id" text,
	"dedupe_key" "bytea",
	"replay_key" "bytea",
	"body_hash" "bytea" NOT NULL,
	"body_bytes" integer NOT NULL,
	"body_cipher" "bytea" NOT NULL,
	"content_type" text,
	"headers" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"matched_secret" text NOT NULL,
	"source_ip" "inet",
	"duplicate_count" integer DEFAULT 0 NOT NULL,
	"conflict_count" integer DEFAULT 0 NOT NULL,
	"replay_count" integer DEFAULT 0 NOT NULL,
	"last_repeat_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_deliveries_tenant_id_id_key" UNIQUE("tenant_id","id"),
	CONSTRAINT "webhook_deliveries_sender_id_length" CHECK (char_length("webhook_deliveries"."sender_id") between 0 and 255),
	CONSTRAINT "webhook_deliveries_dedupe_key_length" CHECK (octet_length("webhook_deliveries"."dedupe_key") = 32),
	CONSTRAINT "webhook_deliveries_replay_key_length" CHECK (octet_length("webhook_deliveries"."replay_key") = 32),
	CONSTRAINT "webhook_deliveries_body_hash_length" CHECK (octet_length("webhook_deliveries"."body_hash") = 32),
	CONSTRAINT "webhook_deliveries_body_bytes_range" CHECK ("webhook_deliveries"."body_bytes" >= 0),
	CONSTRAINT "webhook_deliveries_matched_secret_value" CHECK ("webhook_deliveries"."matched_secret" in ('CURRENT', 'PREVIOUS', 'NONE'))
);
--> statement-breakpoint
CREATE TABLE "internal"."data_keys" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid,
	"kek_id" text NOT NULL,
	"wrapped_key" "bytea",
	"state" "internal"."data_key_state" DEFAULT 'ACTIVE' NOT NULL,
	"state_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "data_keys_wrapped_unless_destroyed" CHECK (("internal"."data_keys"."state" = 'DESTROYED') = ("internal"."data_keys"."wrapped_key" is null)),
	CONSTRAINT "data_keys_kek_id_length" CHECK (char_length("internal"."data_keys"."kek_id") between 1 and 255)
);
--> statement-breakpoint
CREATE TABLE "internal"."emails" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid,
	"kind" text NOT NULL,
	"recipient" text NOT NULL,
	"invitation_id" uuid,
	"payload_cipher" "bytea",
	"status" "email_status" DEFAULT 'QUEUED' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_error" text,
	"sent_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "emails_kind_value" CHECK ("internal"."emails"."kind" in ('INVITATION', 'PASSWORD_RESET')),
	CONSTRAINT "emails_recipient_length" CHECK (char_length("internal"."emails"."recipient") between 3 and 254),
	CONSTRAINT "emails_last_error_length" CHECK (char_length("internal"."emails"."last_error") between 0 and 2000)
);
--> statement-breakpoint
CREATE TABLE "internal"."password_resets" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"user_id" uuid NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "password_resets_token_hash_key" UNIQUE("token_hash"),
	CONSTRAINT "password_resets_token_hash_length" CHECK (octet_length("internal"."password_resets"."token_hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "internal"."refresh_tokens" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"session_id" uuid NOT NULL,
	"parent_id" uuid,
	"token_hash" "bytea" NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"consumed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "refresh_tokens_token_hash_key" UNIQUE("token_hash"),
	CONSTRAINT "refresh_tokens_token_hash_length" CHECK (octet_length("internal"."refresh_tokens"."token_hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "internal"."sessions" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"user_id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"end_reason" text,
	"ip" "inet",
	"user_agent" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "sessions_user_agent_length" CHECK (char_length("internal"."sessions"."user_agent") between 0 and 256),
	CONSTRAINT "sessions_end_reason_length" CHECK (char_length("internal"."sessions"."end_reason") between 1 and 64)
);
--> statement-breakpoint
CREATE TABLE "internal"."signing_keys" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"kid" text NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"private_key_cipher" "bytea" NOT NULL,
	"state" "internal"."signing_key_state" NOT NULL,
	"promoted_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "signing_keys_kid_key" UNIQUE("kid")
);
--> statement-breakpoint
CREATE TABLE "internal"."run_event_buffer" (
	"workflow_run_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"seq" integer NOT NULL,
	"event" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "run_event_buffer_pkey" PRIMARY KEY("workflow_run_id","attempt","seq")
);
--> statement-breakpoint
CREATE TABLE "step_runs" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"workflow_run_id" uuid NOT NULL,
	"step_key" text NOT NULL,
	"action_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"attempt" integer NOT NULL,
	"status" "step_status" DEFAULT 'PENDING' NOT NULL,
	"input" jsonb,
	"output" jsonb,
	"error" jsonb,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "step_runs_workflow_run_id_step_key_attempt_key" UNIQUE("workflow_run_id","step_key","attempt"),
	CONSTRAINT "step_runs_attempt_range" CHECK ("step_runs"."attempt" >= 0),
	CONSTRAINT "step_runs_step_key_length" CHECK (char_length("step_runs"."step_key") between 1 and 63)
);
--> statement-breakpoint
CREATE TABLE "workflow_runs" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"workflow_id" uuid NOT NULL,
	"workflow_version_id" uuid NOT NULL,
	"status" "run_status" DEFAULT 'PENDING' NOT NULL,
	"source" "run_source" NOT NULL,
	"trigger_id" uuid,
	"webhook_delivery_id" uuid,
	"scheduled_for" timestamp with time zone,
	"retry_of_run_id" uuid,
	"idempotency_key" text,
	"input" jsonb DEFAULT 'null'::jsonb NOT NULL,
	"output" jsonb,
	"error" jsonb,
	"attempt" integer DEFAULT 1 NOT NULL,
	"max_attempts" integer NOT NULL,
	"run_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deadline_at" timestamp with time zone NOT NULL,
	"queued_at" timestamp with time zone,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"lease_token_hash" "bytea",
	"lease_expires_at" timestamp with time zone,
	"runner_id" text,
	"last_event_seq" integer DEFAULT 0 NOT NULL,
	"cancel_requested_at" timestamp with time zone,
	"cancel_requested_by" uuid,
	"traceparent" text,
	"change_seq" bigint DEFAULT 0 NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workflow_runs_tenant_id_id_key" UNIQUE("tenant_id","id"),
	CONSTRAINT "workflow_runs_attempt_range" CHECK ("workflow_runs"."attempt" >= 1 and "workflow_runs"."attempt" <= "workflow_runs"."max_attempts"),
	CONSTRAINT "workflow_runs_idempotency_key_length" CHECK (char_length("workflow_runs"."idempotency_key") between 1 and 255),
	CONSTRAINT "workflow_runs_traceparent_length" CHECK (char_length("workflow_runs"."traceparent") between 1 and 64),
	CONSTRAINT "workflow_runs_runner_id_length" CHECK (char_length("workflow_runs"."runner_id") between 1 and 255),
	CONSTRAINT "workflow_runs_lease_token_hash_length" CHECK (octet_length("workflow_runs"."lease_token_hash") = 32),
	CONSTRAINT "workflow_runs_finished_at_set" CHECK (("workflow_runs"."status" in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')) = ("workflow_runs"."finished_at" is not null)),
	CONSTRAINT "workflow_runs_lease_held" CHECK (("workflow_runs"."status" in ('RUNNING', 'CANCELLING')) = ("workflow_runs"."lease_expires_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "invitations" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"email" text NOT NULL,
	"role" "member_role" NOT NULL,
	"status" "invitation_status" DEFAULT 'PENDING' NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"invited_by" uuid,
	"accepted_by" uuid,
	"accepted_at" timestamp with time zone,
	"sent_count" integer DEFAULT 1 NOT NULL,
	"last_sent_at" timestamp with time zone,
	"delivery_status" "email_status" DEFAULT 'QUEUED' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "invitations_tenant_id_id_key" UNIQUE("tenant_id","id"),
	CONSTRAINT "invitations_token_hash_key" UNIQUE("token_hash"),
	CONSTRAINT "invitations_role_not_owner" CHECK ("invitations"."role" <> 'owner'),
	CONSTRAINT "invitations_email_lower" CHECK ("invitations"."email" = lower("invitations"."email")),
	CONSTRAINT "invitations_email_length" CHECK (char_length("invitations"."email") between 3 and 254),
	CONSTRAINT "invitations_token_hash_length" CHECK (octet_length("invitations"."token_hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"role" "member_role" NOT NULL,
	"status" "membership_status" DEFAULT 'ACTIVE' NOT NULL,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_tenant_id_user_id_key" UNIQUE("tenant_id","user_id"),
	CONSTRAINT "memberships_removed_at_set" CHECK (("memberships"."status" = 'REMOVED') = ("memberships"."removed_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"max_concurrent_runs" integer DEFAULT 50 NOT NULL,
	"log_retention_days" integer DEFAULT 30 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tenants_slug_key" UNIQUE("slug"),
	CONSTRAINT "tenants_slug_form" CHECK ("tenants"."slug" ~ '^[a-z0-9](-?[a-z0-9]){1,62}$'),
	CONSTRAINT "tenants_name_length" CHECK (char_length("tenants"."name") between 1 and 120),
	CONSTRAINT "tenants_max_concurrent_runs_range" CHECK ("tenants"."max_concurrent_runs" between 1 and 10000),
	CONSTRAINT "tenants_log_retention_days_range" CHECK ("tenants"."log_retention_days" between 1 and 365)
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"password_hash" text NOT NULL,
	"password_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_tenant_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_email_key" UNIQUE("email"),
	CONSTRAINT "users_email_lower" CHECK ("users"."email" = lower("users"."email")),
	CONSTRAINT "users_email_length" CHECK (char_length("users"."email") between 3 and 254),
	CONSTRAINT "users_name_length" CHECK (char_length("users"."name") between 1 and 120)
);
--> statement-breakpoint
CREATE TABLE "triggers" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"workflow_id" uuid NOT NULL,
	"name" text NOT NULL,
	"type" "trigger_type" NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"webhook_path" text,
	"signature_scheme" "signature_scheme",
	"signature_config" jsonb,
	"tolerance_seconds" integer,
	"webhook_secret_cipher" "bytea",
	"webhook_secret_previous_cipher" "bytea",
	"webhook_secret_previous_expires_at" timestamp with time zone,
	"rejected_count" bigint DEFAULT 0 NOT NULL,
	"last_rejected_at" timestamp with time zone,
	"last_rejection_reason" text,
	"cron" text,
	"timezone" text,
	"overlap_policy" "overlap_policy",
	"catch_up_policy" "catch_up_policy",
	"next_fire_at" timestamp with time zone,
	"last_fired_at" timestamp with time zone,
	"skipped_count" integer DEFAULT 0 NOT NULL,
	"last_skipped_at" timestamp with time zone,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "triggers_tenant_id_id_key" UNIQUE("tenant_id","id"),
	CONSTRAINT "triggers_webhook_path_key" UNIQUE("webhook_path"),
	CONSTRAINT "triggers_name_length" CHECK (char_length("triggers"."name") between 1 and 120),
	CONSTRAINT "triggers_webhook_path_form" CHECK ("triggers"."webhook_path" ~ '^[A-Za-z0-9_-]{22}$'),
	CONSTRAINT "triggers_tolerance_seconds_range" CHECK ("triggers"."tolerance_seconds" between 30 and 900),
	CONSTRAINT "triggers_cron_length" CHECK (char_length("triggers"."cron") between 1 and 200),
	CONSTRAINT "triggers_timezone_length" CHECK (char_length("triggers"."timezone") between 1 and 64),
	CONSTRAINT "triggers_last_rejection_reason_length" CHECK (char_length("triggers"."last_rejection_reason") between 1 and 64),
	CONSTRAINT "triggers_webhook_columns" CHECK (case when "triggers"."type" = 'WEBHOOK'
        then num_nulls("triggers"."webhook_path", "triggers"."signature_scheme", "triggers"."signature_config", "triggers"."tolerance_seconds") = 0
          and ("triggers"."signature_scheme" = 'NONE' or "triggers"."webhook_secret_cipher" is not null)
        else num_nonnulls("triggers"."webhook_path", "triggers"."signature_scheme", "triggers"."signature_config", "triggers"."tolerance_seconds",
            "triggers"."webhook_secret_cipher", "triggers"."webhook_secret_previous_cipher", "triggers"."webhook_secret_previous_expires_at",
            "triggers"."last_rejected_at", "triggers"."last_rejection_reason") = 0
          and "triggers"."rejected_count" = 0
        end),
	CONSTRAINT "triggers_schedule_columns" CHECK (case when "triggers"."type" = 'SCHEDULE'
        then num_nulls("triggers"."cron", "triggers"."timezone", "triggers"."overlap_policy", "triggers"."catch_up_policy") = 0
        else num_nonnulls("triggers"."cron", "triggers"."timezone", "triggers"."overlap_policy", "triggers"."catch_up_policy",
            "triggers"."next_fire_at", "triggers"."last_fired_at", "triggers"."last_skipped_at") = 0
          and "triggers"."skipped_count" = 0
        end)
);
--> statement-breakpoint
CREATE TABLE "workflow_versions" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"workflow_id" uuid NOT NULL,
	"version" integer DEFAULT 0 NOT NULL,
	"definition" jsonb NOT NULL,
	"content_hash" text DEFAULT '' NOT NULL,
	"is_latest" boolean DEFAULT false NOT NULL,
	"published_at" timestamp with time zone,
	"published_by" uuid,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workflow_versions_workflow_id_version_key" UNIQUE("workflow_id","version"),
	CONSTRAINT "workflow_versions_tenant_id_workflow_id_id_key" UNIQUE("tenant_id","workflow_id","id"),
	CONSTRAINT "workflow_versions_latest_is_published" CHECK (not "workflow_versions"."is_latest" or "workflow_versions"."published_at" is not null),
	CONSTRAINT "workflow_versions_definition_size" CHECK (octet_length("workflow_versions"."definition"::text) <= 262144)
);
--> statement-breakpoint
CREATE TABLE "workflows" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"archived_at" timestamp with time zone,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workflows_tenant_id_id_key" UNIQUE("tenant_id","id"),
	CONSTRAINT "workflows_name_length" CHECK (char_length("workflows"."name") between 1 and 120),
	CONSTRAINT "workflows_description_length" CHECK (char_length("workflows"."description") between 0 and 2000)
);
--> statement-breakpoint
ALTER TABLE "dead_letters" ADD CONSTRAINT "dead_letters_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dead_letters" ADD CONSTRAINT "dead_letters_resolved_by_users_id_fk" FOREIGN KEY ("resolved_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "actions" ADD CONSTRAINT "actions_app_version_id_app_versions_id_fk" FOREIGN KEY ("app_version_id") REFERENCES "public"."app_versions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "actions" ADD CONSTRAINT "actions_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "app_versions" ADD CONSTRAINT "app_versions_app_id_apps_id_fk" FOREIGN KEY ("app_id") REFERENCES "public"."apps"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "app_versions" ADD CONSTRAINT "app_versions_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "app_versions" ADD CONSTRAINT "app_versions_published_by_users_id_fk" FOREIGN KEY ("published_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "app_versions" ADD CONSTRAINT "app_versions_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "apps" ADD CONSTRAINT "apps_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "apps" ADD CONSTRAINT "apps_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_app_version_id_app_versions_id_fk" FOREIGN KEY ("app_version_id") REFERENCES "public"."app_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_trigger_fk" FOREIGN KEY ("tenant_id","trigger_id") REFERENCES "public"."triggers"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."data_keys" ADD CONSTRAINT "data_keys_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."emails" ADD CONSTRAINT "emails_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."emails" ADD CONSTRAINT "emails_invitation_fk" FOREIGN KEY ("tenant_id","invitation_id") REFERENCES "public"."invitations"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."password_resets" ADD CONSTRAINT "password_resets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."refresh_tokens" ADD CONSTRAINT "refresh_tokens_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "internal"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."refresh_tokens" ADD CONSTRAINT "refresh_tokens_parent_id_refresh_tokens_id_fk" FOREIGN KEY ("parent_id") REFERENCES "internal"."refresh_tokens"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."sessions" ADD CONSTRAINT "sessions_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "internal"."run_event_buffer" ADD CONSTRAINT "run_event_buffer_workflow_run_id_workflow_runs_id_fk" FOREIGN KEY ("workflow_run_id") REFERENCES "public"."workflow_runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "step_runs" ADD CONSTRAINT "step_runs_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "step_runs" ADD CONSTRAINT "step_runs_action_id_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "public"."actions"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "step_runs" ADD CONSTRAINT "step_runs_workflow_run_fk" FOREIGN KEY ("tenant_id","workflow_run_id") REFERENCES "public"."workflow_runs"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_cancel_requested_by_users_id_fk" FOREIGN KEY ("cancel_requested_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_workflow_fk" FOREIGN KEY ("tenant_id","workflow_id") REFERENCES "public"."workflows"("tenant_id","id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_workflow_version_fk" FOREIGN KEY ("tenant_id","workflow_id","workflow_version_id") REFERENCES "public"."workflow_versions"("tenant_id","workflow_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_trigger_fk" FOREIGN KEY ("tenant_id","trigger_id") REFERENCES "public"."triggers"("tenant_id","id") ON DELETE SET NULL ("trigger_id") ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_webhook_delivery_fk" FOREIGN KEY ("tenant_id","webhook_delivery_id") REFERENCES "public"."webhook_deliveries"("tenant_id","id") ON DELETE SET NULL ("webhook_delivery_id") ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD CONSTRAINT "workflow_runs_retry_of_run_fk" FOREIGN KEY ("tenant_id","retry_of_run_id") REFERENCES "public"."workflow_runs"("tenant_id","id") ON DELETE SET NULL ("retry_of_run_id") ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_invited_by_users_id_fk" FOREIGN KEY ("invited_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_accepted_by_users_id_fk" FOREIGN KEY ("accepted_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_last_tenant_id_tenants_id_fk" FOREIGN KEY ("last_tenant_id") REFERENCES "public"."tenants"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "triggers" ADD CONSTRAINT "triggers_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "triggers" ADD CONSTRAINT "triggers_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "triggers" ADD CONSTRAINT "triggers_workflow_fk" FOREIGN KEY ("tenant_id","workflow_id") REFERENCES "public"."workflows"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_versions" ADD CONSTRAINT "workflow_versions_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_versions" ADD CONSTRAINT "workflow_versions_published_by_users_id_fk" FOREIGN KEY ("published_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_versions" ADD CONSTRAINT "workflow_versions_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflow_versions" ADD CONSTRAINT "workflow_versions_workflow_fk" FOREIGN KEY ("tenant_id","workflow_id") REFERENCES "public"."workflows"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflows" ADD CONSTRAINT "workflows_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workflows" ADD CONSTRAINT "workflows_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_events_trail_idx" ON "audit_events" USING btree ("tenant_id","occurred_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "audit_events_target_idx" ON "audit_events" USING btree ("tenant_id","target_type","target_id","occurred_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "audit_events_actor_idx" ON "audit_events" USING btree ("tenant_id","actor_id","occurred_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE UNIQUE INDEX "dead_letters_open_reference_key" ON "dead_letters" USING btree ("kind","reference_id") WHERE "dead_letters"."status" = 'OPEN' and "dead_letters"."kind" <> 'RUN_EVENT';--> statement-breakpoint
CREATE INDEX "dead_letters_tenant_list_idx" ON "dead_letters" USING btree ("tenant_id","status","created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE UNIQUE INDEX "app_versions_latest_key" ON "app_versions" USING btree ("app_id") WHERE "app_versions"."is_latest";--> statement-breakpoint
CREATE INDEX "app_versions_app_id_version_order_idx" ON "app_versions" USING btree ("app_id","version_order" DESC NULLS FIRST);--> statement-breakpoint
CREATE UNIQUE INDEX "connections_tenant_id_name_key" ON "connections" USING btree ("tenant_id",lower("name"));--> statement-breakpoint
CREATE INDEX "connections_tenant_id_app_version_id_idx" ON "connections" USING btree ("tenant_id","app_version_id");--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_dedupe_key" ON "webhook_deliveries" USING btree ("trigger_id","dedupe_key") WHERE "webhook_deliveries"."dedupe_key" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_replay_key" ON "webhook_deliveries" USING btree ("trigger_id","replay_key") WHERE "webhook_deliveries"."replay_key" is not null;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_tenant_list_idx" ON "webhook_deliveries" USING btree ("tenant_id","received_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "webhook_deliveries_trigger_list_idx" ON "webhook_deliveries" USING btree ("tenant_id","trigger_id","received_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "emails_queued_idx" ON "internal"."emails" USING btree ("next_attempt_at") WHERE "internal"."emails"."status" = 'QUEUED';--> statement-breakpoint
CREATE INDEX "password_resets_user_id_idx" ON "internal"."password_resets" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_parent_id_idx" ON "internal"."refresh_tokens" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_session_id_idx" ON "internal"."refresh_tokens" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "sessions_open_idx" ON "internal"."sessions" USING btree ("user_id") WHERE "internal"."sessions"."ended_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "signing_keys_next_or_current_key" ON "internal"."signing_keys" USING btree ("state") WHERE "internal"."signing_keys"."state" in ('NEXT', 'CURRENT');--> statement-breakpoint
CREATE INDEX "step_runs_run_list_idx" ON "step_runs" USING btree ("tenant_id","workflow_run_id","position","attempt");--> statement-breakpoint
CREATE INDEX "workflow_runs_tenant_list_idx" ON "workflow_runs" USING btree ("tenant_id","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "workflow_runs_workflow_list_idx" ON "workflow_runs" USING btree ("tenant_id","workflow_id","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "workflow_runs_status_list_idx" ON "workflow_runs" USING btree ("tenant_id","status","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "workflow_runs_change_seq_idx" ON "workflow_runs" USING btree ("tenant_id","change_seq");--> statement-breakpoint
CREATE INDEX "workflow_runs_pending_idx" ON "workflow_runs" USING btree ("tenant_id","run_at","id") WHERE "workflow_runs"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "workflow_runs_in_flight_idx" ON "workflow_runs" USING btree ("tenant_id","status") WHERE "workflow_runs"."status" in ('QUEUED', 'RUNNING', 'CANCELLING');--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_runs_idempotency_key" ON "workflow_runs" USING btree ("tenant_id","workflow_id","idempotency_key") WHERE "workflow_runs"."idempotency_key" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_runs_slot_key" ON "workflow_runs" USING btree ("trigger_id","scheduled_for") WHERE "workflow_runs"."scheduled_for" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_runs_delivery_key" ON "workflow_runs" USING btree ("webhook_delivery_id") WHERE "workflow_runs"."source" = 'WEBHOOK';--> statement-breakpoint
CREATE INDEX "workflow_runs_delivery_idx" ON "workflow_runs" USING btree ("webhook_delivery_id") WHERE "workflow_runs"."webhook_delivery_id" is not null;--> statement-breakpoint
CREATE INDEX "workflow_runs_overlap_idx" ON "workflow_runs" USING btree ("trigger_id") WHERE "workflow_runs"."source" = 'SCHEDULE' and "workflow_runs"."status" in ('PENDING', 'QUEUED', 'RUNNING', 'CANCELLING');--> statement-breakpoint
CREATE INDEX "workflow_runs_retry_of_run_id_idx" ON "workflow_runs" USING btree ("retry_of_run_id") WHERE "workflow_runs"."retry_of_run_id" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "invitations_pending_email_key" ON "invitations" USING btree ("tenant_id","email") WHERE "invitations"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "invitations_tenant_list_idx" ON "invitations" USING btree ("tenant_id","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "invitations_expiry_idx" ON "invitations" USING btree ("expires_at") WHERE "invitations"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "memberships_user_id_status_idx" ON "memberships" USING btree ("user_id","status");--> statement-breakpoint
CREATE INDEX "triggers_tenant_id_workflow_id_idx" ON "triggers" USING btree ("tenant_id","workflow_id");--> statement-breakpoint
CREATE INDEX "triggers_next_fire_at_idx" ON "triggers" USING btree ("next_fire_at") WHERE "triggers"."enabled" and "triggers"."type" = 'SCHEDULE';--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_versions_latest_key" ON "workflow_versions" USING btree ("workflow_id") WHERE "workflow_versions"."is_latest";--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_versions_draft_key" ON "workflow_versions" USING btree ("workflow_id") WHERE "workflow_versions"."published_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "workflows_tenant_id_name_key" ON "workflows" USING btree ("tenant_id",lower("name")) WHERE "workflows"."archived_at" is null;--> statement-breakpoint
CREATE INDEX "workflows_tenant_list_idx" ON "workflows" USING btree ("tenant_id","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);