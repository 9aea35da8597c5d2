-- update_box
WITH t3 AS (
  UPDATE "public"."box" AS t0
  SET "note" = $1::pg_catalog.text
  WHERE (EXISTS (
    SELECT 1
    FROM "public"."part" t1
    WHERE t1."box_id" = t0."id"
      AND (EXISTS (
      SELECT 1
      FROM "public"."pass" t2
      WHERE ((t2."person" = ($2::pg_catalog.int4)) AND (t2."number" = t1."id"))
    ))
  ))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t3
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t3
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t3."id" RETURNING json)), '[]')::text
  FROM t3
) AS out0;
-- $1 = "seen"
-- $2 = session variable x-hasura-user-id
