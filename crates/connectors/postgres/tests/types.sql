-- Tables of every type, each row an extreme. For the tests of both ways of reading: snapshot and log.
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'ha"ppy', 'élan 😀', '');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE DOMAIN small_text AS varchar(5);
CREATE DOMAIN nested AS small_text;
CREATE TYPE floatrange AS RANGE (subtype = float8);

CREATE TABLE direct (
  id bigint PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8,
  t text, v varchar(10), c char(5), bc bpchar, nm name, by bytea,
  d date, tm time, tm3 time(3), ts timestamp, ts0 timestamp(0), tz timestamptz, tz3 timestamptz(3),
  u uuid, n numeric(12,2), n38 numeric(38,10), n76 numeric(76,30), n100 numeric(100,5), n0 numeric,
  j json, jb jsonb, m mood, bi bit(9), vb varbit, vb3 varbit(3), o oid, mo money,
  p posint, st nested, ct citext, n50 numeric(50,3));
INSERT INTO direct (id) VALUES (0);
INSERT INTO direct (id, d, ts, ts0, tz, tz3, n, n38, n76, n50) VALUES
 (10, 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'NaN', 'NaN', 'NaN', 'NaN'),
 (11, '-infinity', '-infinity', '-infinity', '-infinity', '-infinity', 0, 0, 0, 0),
 (12, '5874897-12-31', '294247-01-10 04:00:54.775806', '294247-01-10 04:00:54', '294247-01-10 04:00:54.775806+00',
  '294247-01-10 04:00:54.775+00', 1, 1, 1, -1);
INSERT INTO direct VALUES
 (1, true, -32768, -2147483648, -9223372036854775808, 'NaN', 'NaN',
  '', '', '', '', '', '', '4713-01-01 BC', '00:00', '00:00:00.001', '4713-01-01 00:00:00 BC',
  '4713-01-01 00:00:00 BC', '4713-01-02 00:00:00+00 BC', '4713-01-02 00:00:00.001+00 BC',
  '00000000-0000-0000-0000-000000000000', -9999999999.99, '-9999999999999999999999999999.9999999999',
  -1e45, -99999.99999, '-0.0000', '{}', '{}', 'sad', B'000000000', B'', B'', 0,
  '-92233720368547758.08', 1, '', ''),
 (2, false, 32767, 2147483647, 9223372036854775807, 'Infinity', '-Infinity',
  E'tab\tnew\nline\r\\back "quote" ''single'' \\N \\. 😀 é', '😀😀😀😀😀😀😀😀😀😀', 'ab  c', 'x   ', repeat('n', 63),
  '\x00ff5c6e0a0d09', '5874897-12-31', '24:00', '23:59:59.999', '294246-12-31 23:59:59.999999',
  '294246-12-31 23:59:59', '294246-12-31 23:59:59.999999+00', '294246-12-31 23:59:59.999+00',
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 9999999999.99, '9999999999999999999999999999.9999999999',
  1e45, 99999.99999, repeat('9', 1000)::numeric + 0.123456789012345678901234567890,
  '{"b" : 1,  "a": [1, 2.50, null], "b":2}', '{"b": 1e3, "a": [1.50, "é\"\\ ", null, true]}',
  'élan 😀', B'111111111', B'10110', B'101', 4294967295, '92233720368547758.07', 2147483647, 'abcde', 'CiText'),
 (3, null, 0, 0, 0, '-0', '-0', ' lead and trail ', 'a ', 'a', 'a ', 'n', '\xdeadbeef',
  '0001-12-31 BC', '12:34:56.789012', '12:34:56.789', '0001-01-01 00:00:00', '1969-12-31 23:59:59',
  '1970-01-01 00:00:00+00', '2000-01-01 00:00:00.5+13:45', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  0.01, 0.0000000001, 0.000000000000000000000000000001, 0.00001, 'NaN', 'null', 'null', '', B'100000001',
  B'0', B'1', 2147483648, 0, 7, 'x', 'x'),
 (4, true, 1, 1, 1, 1.17549435e-38, 2.2250738585072014e-308, 'ü', 'ü', 'ü', 'ü', 'ü', '\x00',
  '2000-01-01', '00:00:00.000001', '00:00:00.001', '2000-01-01', '2000-01-01', '2000-01-01+00', '2000-01-01+00',
  gen_random_uuid(), 1, 1, 1, 1, 10000, '"x"', '"x"', 'ha"ppy', B'010101010', repeat('1', 100)::varbit, B'11', 1, 1.5, 1, 'y', 'Y'),
 (5, true, 1, 1, 1, 3.4028235e38, 1.7976931348623157e308, 'z', 'z', 'z', 'z', 'z', '\x01',
  '1999-12-31', '00:00:00.000001', '00:00:00.001', '1999-12-31 23:59:59.999999', '2000-01-01', '2000-01-01+00', '2000-01-01+00',
  gen_random_uuid(), 1, 1, 1, 1, 0.00010000, '"x"', '"x"', 'it''s ok', B'010101010', B'1', B'11', 1, 1.5, 1, 'y', 'Y'),
 (6, true, 1, 1, 1, 1e-45, 5e-324, 'z', 'z', 'z', 'z', 'z', '\x01',
  '1999-12-31', '00:00:00.000001', '00:00:00.001', '1999-12-31 23:59:59.999999', '2000-01-01', '2000-01-01+00', '2000-01-01+00',
  gen_random_uuid(), 1, 1, 1, 1, 123456789012345678901234567890.00, '"x"', '"x"', 'it''s ok', B'010101010', B'1', B'11', 1, 1.5, 1, 'y', 'Y');

CREATE TABLE texts (
  id int PRIMARY KEY, iv interval, iv2 interval(2), ttz timetz, ine inet, ci cidr, ma macaddr, ma8 macaddr8,
  x xml, ai int[], at text[], aa int[][], am mood[], ab bytea[], ad date[], an numeric[], atz timestamptz[], amo money[],
  ir int4range, nr numrange, tr tstzrange, dr daterange, fr floatrange, mr int4multirange,
  co pair, coa pair[], h hstore, lt ltree, tv tsvector, tq tsquery, pt point, ln line, ls lseg, bx box,
  pa path, po polygon, ci2 circle, lsn pg_lsn, xi xid, td tid, rc regclass, ch "char", sn txid_snapshot, jp jsonpath,
  d date, ts timestamp, tz timestamptz(3), n numeric(12,2), n76 numeric(76,30));
INSERT INTO texts (id) VALUES (0);
INSERT INTO texts (id, d, ts, tz, n, n76) VALUES (10, 'infinity', '-infinity', 'infinity', 'NaN', 'NaN'),
  (11, '-infinity', 'infinity', '-infinity', 1.5, -1.5), (12, '4713-01-01 BC', '4713-01-01 BC', '4713-01-02 BC', 0, 0);
INSERT INTO texts VALUES
 (1, '1 mon -2 days +03:04:05.000006', '-0.25', '23:59:59.999999-15:59', '192.168.1.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
  '<?xml version="1.0"?><a b="1">é&amp;</a>', '{1,NULL,-3}', ARRAY['a"b', 'c\d', '', NULL, 'NULL', '{x,y}', E'new\nline\t'], '{{1,2},{3,4}}', ARRAY['sad','ha"ppy','']::mood[],
  ARRAY['\x00ff'::bytea], '{infinity,-infinity,4713-01-01 BC}', '{NaN,1.50,-0.00}', ARRAY['2020-01-01 00:00:00+00'::timestamptz, 'infinity'], ARRAY[1.5::money, '-2'::money],
  '[1,5)', '(1.50,)', '["2020-01-01 00:00:00+00",)', 'empty', '[0.1,0.30000000000000004)', '{[1,2),[5,9)}',
  ROW(1, 'x"y,(z)')::pair, ARRAY[ROW(1, NULL)::pair, ROW(NULL, '')::pair], 'a=>1,"b c"=>NULL,""=>"é\"\\"', 'Top.Science', to_tsvector('simple', 'a fat cat''s :1'), to_tsquery('simple', 'a & !b'),
  '(0.1,-1e300)', '{1,2,3.3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0.1,0.2),0.30000000000000004>',
  '16/B374D848', '4294967295', '(42,7)', 'pg_catalog.pg_class', 'x', '10:20:10,14,15', '$.a[*] ? (@ > 1)'),
 (2, '-178000000 years', '0.01', '00:00:00+15:59', '2001:db8::1/64', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff',
  'just text', '{}', '{}', '[0:1][-1:0]={{1,2},{3,4}}', '{}', '{}', '{}', '{}', '{}', '{}', 'empty', 'empty', 'empty', '[2020-01-01,2020-02-01)', '(,)', '{}',
  ROW(NULL, NULL)::pair, '{}', '', '', '', '', '(NaN,Infinity)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '((0,0))', '<(0,0),0>',
  '0/0', '0', '(0,0)', '-', '', '1:1:', '$');

CREATE TABLE nothing (id int PRIMARY KEY);
CREATE TABLE columnless ();
INSERT INTO columnless DEFAULT VALUES;
INSERT INTO columnless DEFAULT VALUES;
