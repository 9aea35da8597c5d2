-- box
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."box" t1
      WHERE (EXISTS (
        SELECT 1
        FROM "public"."part" t2
        WHERE t2."box_id" = t1."id"
          AND (EXISTS (
          SELECT 1
          FROM "public"."pass" t3
          WHERE ((t3."person" = ($1::pg_catalog.int4)) AND (t3."number" = t2."id"))
        ))
      ))
    ) t0
  ) t4
)::text AS data;
-- $1 = session variable x-hasura-user-id
