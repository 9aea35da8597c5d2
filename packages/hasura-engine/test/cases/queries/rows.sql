truncate authors;
insert into authors values (1, 'Ada'), (2, 'Bob');
