truncate authors, articles;
insert into authors values (1, 4.50, '{1.50,2}'), (2, 3, null);
insert into articles values (1, 9223372036854775807, 2.5, 3, 12.5), (2, 2, 3.25, 4, null);
