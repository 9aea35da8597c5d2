-- articles_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."articles" t2
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(*), 'sum' VALUE JSON_OBJECT('id' VALUE sum(t3."id"), 'views' VALUE sum(t3."views")::text, 'score' VALUE sum(t3."score")::text, 'shelf' VALUE sum(t3."shelf") RETURNING json), 'avg' VALUE JSON_OBJECT('id' VALUE avg(t3."id"), 'views' VALUE avg(t3."views")::text, 'score' VALUE avg(t3."score")::text, 'shelf' VALUE avg(t3."shelf") RETURNING json), 'stddev_pop' VALUE JSON_OBJECT('views' VALUE stddev_pop(t3."views")::text, 'shelf' VALUE stddev_pop(t3."shelf") RETURNING json), 'max' VALUE JSON_OBJECT('views' VALUE max(t3."views")::text, 'price' VALUE max(t3."price")::text RETURNING json) RETURNING json)
    FROM t0 t3
  ) RETURNING json)
)::text AS data;

-- authors_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."authors" t2
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('avg' VALUE JSON_OBJECT('rating' VALUE avg(t3."rating")::text RETURNING json), 'var_samp' VALUE JSON_OBJECT('rating' VALUE var_samp(t3."rating")::text RETURNING json) RETURNING json)
    FROM t0 t3
  ) RETURNING json)
)::text AS data;
