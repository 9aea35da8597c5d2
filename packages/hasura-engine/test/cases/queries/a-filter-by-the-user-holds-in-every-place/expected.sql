-- authors
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT t3.j, sum(pg_column_size(t3.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
    FROM (
      SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
      FROM (
        SELECT t1.*
        FROM "public"."authors" t1
        WHERE (t1."id" = ($1::pg_catalog.int4))
      ) t0
      OFFSET 0
    ) t3
  ) t2
  WHERE CASE WHEN t2.s > 16777216 THEN (t2.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = session variable x-hasura-user-id

-- articles
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT t5.j, sum(pg_column_size(t5.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
    FROM (
      SELECT JSON_OBJECT('id' VALUE t0."id", 'author' VALUE (
        SELECT JSON_OBJECT('name' VALUE t3."name" RETURNING json)
        FROM "public"."authors" t3
        WHERE t3."id" = t0."author_id"
          AND (t3."id" = ($1::pg_catalog.int4))
        LIMIT 1
      ) RETURNING json) AS j
      FROM (
        SELECT t1.*
        FROM "public"."articles" t1
        WHERE (EXISTS (
          SELECT 1
          FROM "public"."authors" t2
          WHERE t2."id" = t1."author_id"
            AND (t2."id" = ($1::pg_catalog.int4))
        ))
      ) t0
      OFFSET 0
    ) t5
  ) t4
  WHERE CASE WHEN t4.s > 16777216 THEN (t4.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = session variable x-hasura-user-id

-- articles_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."articles" t2
      WHERE (EXISTS (
        SELECT 1
        FROM "public"."authors" t3
        WHERE t3."id" = t2."author_id"
          AND (t3."id" = ($1::pg_catalog.int4))
      ))
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(*) RETURNING json)
    FROM t0 t4
  ) RETURNING json)
)::text AS data;
-- $1 = session variable x-hasura-user-id

-- none
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT t5.j, sum(pg_column_size(t5.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
    FROM (
      SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
      FROM (
        SELECT t1.*
        FROM "public"."authors" t1
        WHERE ((t1."id" = ($1::pg_catalog.int4)) AND (EXISTS (
          SELECT 1
          FROM "public"."articles" t2
          WHERE t2."author_id" = t1."id"
            AND ((EXISTS (
            SELECT 1
            FROM "public"."authors" t3
            WHERE t3."id" = t2."author_id"
              AND (t3."id" = ($1::pg_catalog.int4))
          )) AND (t2."title" = ($2::pg_catalog.text)))
        )))
      ) t0
      OFFSET 0
    ) t5
  ) t4
  WHERE CASE WHEN t4.s > 16777216 THEN (t4.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = session variable x-hasura-user-id
-- $2 = "Three"
