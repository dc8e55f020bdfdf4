CREATE TABLE t (
  id uuid PRIMARY KEY, small smallint, big bigint, exact numeric(30,10), yes boolean,
  text text, bytes bytea, day date, at timestamp, instant timestamptz, clock time, doc jsonb
);
INSERT INTO t VALUES
  ('00000000-0000-0000-0000-000000000001', -32768, 9223372036854775807, 12345678901234567890.0123456789, true,
   E'tab\there \\ 😀', '\x00ff0a27', '1000-01-01', '9999-12-31 23:59:59.999999', '2026-03-29 01:30:00+02', '23:59:59.999999', '{"a": 1}'),
  ('ffffffff-ffff-ffff-ffff-ffffffffffff', 32767, -9223372036854775808, -0.0000000001, false,
   '', '', '2026-02-28', '1970-01-02', '1970-01-02 00:00:00Z', '00:00', '[]'),
  ('00000000-0000-0000-0000-000000000002', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
