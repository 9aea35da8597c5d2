-- boxes
SELECT (
  SELECT coalesce(json_agg(t8.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id", 'shelf' VALUE (
      SELECT JSON_OBJECT('label' VALUE t3."label", 'boxes_aggregate' VALUE (
        WITH t4 AS (
          SELECT *
          FROM (
            SELECT t6.*
            FROM "public"."boxes" t6
            WHERE t6."room" = t3."room"
              AND t6."place" = t3."place"
          ) t5
        )
        SELECT JSON_OBJECT('aggregate' VALUE (
          SELECT JSON_OBJECT('count' VALUE count(*) RETURNING json)
          FROM t4 t7
        ) RETURNING json)
      ) RETURNING json)
      FROM "public"."shelves" t3
      WHERE t3."room" = t0."room"
        AND t3."place" = t0."place"
        AND TRUE
      LIMIT 1
    ) RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."boxes" t1
      WHERE (EXISTS (
        SELECT 1
        FROM "public"."shelves" t2
        WHERE t2."room" = t1."room"
          AND t2."place" = t1."place"
          AND (t2."label" = ($1::pg_catalog.text))
      ))
      ORDER BY t1."id" DESC NULLS FIRST
    ) t0
  ) t8
)::text AS data;
-- $1 = "high"

-- shelves_by_pk
SELECT coalesce((
  SELECT JSON_OBJECT('boxes' VALUE (
    SELECT coalesce(json_agg(t3.j), '[]')
    FROM (
      SELECT JSON_OBJECT('id' VALUE t1."id" RETURNING json) AS j
      FROM (
        SELECT t2.*
        FROM "public"."boxes" t2
        WHERE t2."room" = t0."room"
          AND t2."place" = t0."place"
      ) t1
    ) t3
  ) RETURNING json)
  FROM "public"."shelves" t0
  WHERE ((t0."room" = ($1::pg_catalog.int4)) AND (t0."place" = ($2::pg_catalog.int4)))
  LIMIT 1
)::text, 'null') AS data;
-- $1 = "1"
-- $2 = "2"
