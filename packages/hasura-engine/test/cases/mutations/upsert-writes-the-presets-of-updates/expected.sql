-- insert_task
WITH t1 AS (
  INSERT INTO "public"."task" AS t0 ("id", "title", "state", "owner_id")
  VALUES ($1::pg_catalog.int4, $2::pg_catalog.text, $3::pg_catalog.text, $4::pg_catalog.text)
  ON CONFLICT ON CONSTRAINT "task_pkey"
  DO UPDATE
  SET "title" = EXCLUDED."title", "changed_by" = $4::pg_catalog.text, "changed_at" = $5::pg_catalog.timestamptz
  WHERE (t0."owner_id" = ($4::pg_catalog.text))
  RETURNING t0.*, CASE WHEN t0.xmax = 0 THEN (t0."owner_id" = ($4::pg_catalog.text)) ELSE (t0."title" <> ($6::pg_catalog.text)) END AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t1."id", 'owner_id' VALUE t1."owner_id", 'title' VALUE t1."title", 'state' VALUE t1."state", 'changed_by' VALUE t1."changed_by" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "1"
-- $2 = "again"
-- $3 = "new"
-- $4 = session variable x-hasura-user-id
-- $5 = "NOW()"
-- $6 = ""
