drop schema if exists "odd sch" cascade; drop table if exists t_all, ord, cust, part cascade; drop type if exists mood, comp; drop domain if exists dom;
create type mood as enum ('sad','o''k','happy'); create type comp as (a int, b text); create domain dom as numeric(5,1) check (value > 0);
create extension if not exists hstore; 
create table t_all (id bigserial primary key, s smallint default 5, i int generated always as identity, b boolean default true, r real, d double precision, n numeric(12,2) default 1.50, nn numeric, n38 numeric(38,10), big numeric(76,0),
 c char(5), vc varchar(20) default 'it''s', t text, by bytea, da date, ts timestamp, ts3 timestamp(3), tz timestamptz default now(), tm time, tmz timetz, iv interval, u uuid, j json, jb jsonb, x xml, m mood, ar int[], ta text[][], ip inet, ci cidr, mac macaddr, bi bit(5), vb bit varying, mo money, pt point, rng int4range, tsv tsvector, cm comp, dm dom, h hstore, o oid, gen int generated always as (s*2) stored, "Odd ""name" text);
comment on table t_all is 'tab; comment'; comment on column t_all.t is 'col ''comment''';
create unique index uq on t_all (n, vc); create index ix on t_all (da desc); create index ixe on t_all (lower(t)); create index ixp on t_all(s) where s > 1;
insert into t_all (b,r,d,n,nn,n38,big,c,vc,t,by,da,ts,ts3,tz,tm,tmz,iv,u,j,jb,x,m,ar,ta,ip,ci,mac,bi,vb,mo,pt,rng,tsv,cm,dm,h,o,"Odd ""name") values
(true,1.1,1e308,99.99,123456789012345678901234567890.123456789,1.5,9999999999999999999999999999999999999999999999999999999999999999999999999999,'ab','x;y',E'line1\nline2\r\t\\ back '' q -- $$ 😀','\x00ff27','0044-03-15 BC','0044-03-15 01:02:03.000001 BC','2020-01-01 00:00:00.123','2020-06-01 12:00:00+02','24:00:00','12:00:00+05:30','1 year 2 mons -3 days 04:05:06.7','123e4567-e89b-12d3-a456-426655440000','{"a":1}','{"b": [1,2]}','<a/>','o''k','{1,NULL,3}','{{a,"b,c"},{d,"e\"f"}}','10.0.0.1/8','10.0.0.0/8','08:00:2b:01:02:03','10101','111',12.34,'(1,2)','[1,5)','a b','(1,"x,y")',5.5,'a=>1',42,'odd'),
(false,'NaN','-Infinity','NaN','NaN',null,null,'','','','','infinity','-infinity',null,'infinity',null,null,null,null,null,null,null,null,'{}',null,null,null,null,null,'',null,null,'empty','',null,null,'',null,''),
(null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null);
create schema "odd sch"; create table "odd sch"."T.b" (a int, b text, primary key (a)); insert into "odd sch"."T.b" values (1,'$$;$$');
create table cust (id int primary key, name varchar(50) not null unique); create table ord (a int, b text, c int references cust(id), primary key (a,b)); insert into cust values (1,'x'),(2,'y;z'); insert into ord values (1,'k',1);
create table part (id int, v text) partition by range (id); create table part_1 partition of part for values from (0) to (10); insert into part values (1,'p'),(2,E'tab\tand \\N \\ back\b');
create or replace function fn() returns trigger language plpgsql as $$ begin insert into cust values (9,'fn'); return new; end; $$;
create trigger tg before insert on ord for each row execute function fn();
create view v as select * from cust;
