-- box
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT t5.j, sum(pg_column_size(t5.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
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
      OFFSET 0
    ) t5
  ) t4
  WHERE CASE WHEN t4.s > 16777216 THEN (t4.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = session variable x-hasura-user-id
