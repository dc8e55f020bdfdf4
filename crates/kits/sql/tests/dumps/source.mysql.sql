create database if not exists shop; use shop;
drop table if exists t_all, ord, cust, nokey, lat;
create table t_all (
 id bigint unsigned not null auto_increment primary key,
 ti tinyint, tiu tinyint unsigned, b1 tinyint(1) default 1, si smallint, siu smallint unsigned zerofill, mi mediumint, miu mediumint unsigned, i int default -5, iu int unsigned, bi bigint,
 d decimal(12,2) unsigned default 1.50, dbig decimal(65,30), f float, db double, bt bit(8) default b'101', bt1 bit(1), bt64 bit(64),
 c char(10) default 'it''s', vc varchar(200) character set latin1 comment 'a; comment -- with ''quotes''', tt tinytext, tx mediumtext, bn binary(4), vb varbinary(300), bl longblob,
 da date default '2020-01-01', dt datetime(6), ts timestamp(3) null default current_timestamp(3) on update current_timestamp(3), tm time(6), y year, 
 e enum('a','b''c','d,e') default 'a', s set('x','y','z'), j json, g geometry, pt point, u uuid, ip inet6,
 gen int generated always as (i+1) virtual, gens int as (i*2) stored,
 unique key uq (i, vc(20) ), key k1 (vc, da desc), fulltext key ft (tx), check (i < 100000)
) engine=InnoDB auto_increment=100 default charset=utf8mb4 comment='table; comment';
insert into t_all (ti,tiu,b1,si,siu,mi,miu,i,iu,bi,d,dbig,f,db,bt,bt1,bt64,c,vc,tt,tx,bn,vb,bl,da,dt,ts,tm,y,e,s,j,g,pt,u,ip) values
(-128,255,0,-32768,65535,-8388608,16777215,-2147,4294967295,-9223372036854775808,99.99,12345678901234567890123456789012345.123456789012345678901234567890,1.1,1.7976931348623157e308,b'11111111',b'1',b'1111111111111111111111111111111111111111111111111111111111111111',
 'a\'b','caf\u00e9; -- x','tiny','line1\nline2\r\ntab\t nul\0 back\\slash " 😀 \Z',x'00ff2762',x'',x'275c0a0d001a','0001-01-01','9999-12-31 23:59:59.999999','2038-01-19 03:14:07.999','-838:59:59.000001',2155,'b\'c','x,z','{"a": [1, "x\\n"]}',ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))',4326),point(1,2),'123e4567-e89b-12d3-a456-426655440000','::1'),
(null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null),
(0,0,1,0,0,0,0,0,0,0,0,0,-0e0,-0e0,b'0',b'0',b'0','','','','',x'',x'',x'','0000-00-00','0000-00-00 00:00:00',null,'00:00:00',0,'a','','null',null,null,null,null);
create table cust (id int primary key, name varchar(50) not null);
create table ord (a int, b varchar(10) collate utf8mb4_bin, c int, primary key (a,b), constraint fk1 foreign key (c) references cust(id));
insert into cust values (1,'x'),(2,'y;z'); insert into ord values (1,'k',1),(2,'l',2);
create table nokey (`od"d ``name` int, `select` text) partition by hash(`od"d ``name`) partitions 2;
insert into nokey values (1,'-- no'),(2,'/* no */'),(3,'# no');
create view v as select * from cust;
delimiter //
create trigger trg before insert on ord for each row begin insert into nokey values (9,'trig;'); set new.c = 1; end //
create procedure p1() begin select ';'; insert into cust values (3,'proc'); end //
create function f1(a int) returns int deterministic return a+1 //
create event ev on schedule every 1 year do insert into cust values (9,'ev') //
delimiter ;
