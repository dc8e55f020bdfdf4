create table t(id integer primary key autoincrement, a int, b text default 'x', c real, d blob, e numeric, "odd ""n" , f varchar(10) not null default '', g datetime default current_timestamp, h boolean check(h in (0,1)), unique(a,b));
insert into t values (1, 9223372036854775807,'it''s', 1.5, x'00ff', 10.25,'z','q','2020-01-01',1);
insert into t values (2, null, 'a'||char(10)||'b'||char(13)||'c\n', 9e999, x'', 'txt',null,'','',0);
insert into t values (3, 'text in int', '😀;--', -1e-300, 'text', 5,2.5,'','',null);
create table w(k text primary key, v) without rowid; insert into w values('a',1);
create index i1 on t(b desc); create view vv as select 1; create trigger tr after insert on t begin insert into w values('x;',1); end;
