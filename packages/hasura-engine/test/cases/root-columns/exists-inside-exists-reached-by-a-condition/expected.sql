-- box
SELECT (
  SELECT coalesce(json_agg(t5.j), '[]')
  FROM (
    SELECT t6.j, sum(pg_column_size(t6.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
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
            FROM "public"."box" t3
            WHERE (EXISTS (
              SELECT 1
              FROM "public"."pass" t4
              WHERE ((t4."person" = ($1::pg_catalog.int4)) AND (t4."number" = t2."id"))
            ))
          ))
        ))
      ) t0
      OFFSET 0
    ) t6
  ) t5
  WHERE CASE WHEN t5.s > 16777216 THEN (t5.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = session variable x-hasura-user-id
