-- insert_part
WITH t3 AS (
  INSERT INTO "public"."part" AS t0 ("id", "box_id", "note")
  VALUES ($1::pg_catalog.int4, $2::pg_catalog.int4, $3::pg_catalog.text), ($2::pg_catalog.int4, $1::pg_catalog.int4, $4::pg_catalog.text)
  ON CONFLICT ON CONSTRAINT "part_pkey"
  DO UPDATE
  SET "note" = EXCLUDED."note"
  WHERE (EXISTS (
    SELECT 1
    FROM "public"."box" t1
    WHERE t1."id" = t0."box_id"
      AND (EXISTS (
      SELECT 1
      FROM "public"."pass" t2
      WHERE ((t2."person" = ($5::pg_catalog.int4)) AND (t2."number" = t1."id"))
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
-- $1 = "1"
-- $2 = "2"
-- $3 = "a"
-- $4 = "b"
-- $5 = session variable x-hasura-user-id
