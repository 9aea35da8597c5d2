create table authors (id int primary key, rating numeric, ratings numeric[]);
create table articles (id int primary key, views bigint, score float8, shelf smallint, price money);
