//! Every type's extremes from PostgreSQL through Arrow to PostgreSQL come back equal, whatever the
//! server's, database's and account's defaults are.

use syncline_connector::WriteMode;

use crate::support::{assert_same, copy, copy_packed, servers};

/// Tables of every type, each row an extreme.
const TYPES: &str = include_str!("../types.sql");

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_equal_under_hostile_defaults() {
    for server in servers() {
        let (from, to) = (server.database(), server.database());
        from.execute(TYPES);
        let extensions = "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; \
            CREATE TYPE pair AS (a int, b text); CREATE TYPE floatrange AS RANGE (subtype = float8)";
        to.execute(extensions);
        for database in [&from, &to] {
            for (name, value) in [
                ("DateStyle", "'SQL, DMY'"),
                ("IntervalStyle", "'sql_standard'"),
                ("TimeZone", "'Asia/Kathmandu'"),
                ("extra_float_digits", "-15"),
                ("bytea_output", "'escape'"),
                ("xmloption", "'document'"),
                ("array_nulls", "off"),
                ("standard_conforming_strings", "off"),
                ("search_path", "nowhere"),
                ("statement_timeout", "50"),
                ("default_transaction_isolation", "'serializable'"),
                ("client_encoding", "'LATIN1'"),
            ] {
                let sql = format!("ALTER DATABASE {} SET {name} = {value}", database.name());
                server.session().execute(&sql);
            }
        }
        for table in ["direct", "texts", "nothing", "columnless"] {
            copy(&from, &to, &format!("public.{table}"), table, WriteMode::Append).await;
        }
        copy_packed(&from, &to, "public.direct", "packed").await;
        for database in [&from, &to] {
            let sql = format!("ALTER DATABASE {} RESET ALL", database.name());
            server.session().execute(&sql);
        }
        for table in ["direct", "texts", "nothing", "columnless"] {
            assert_same((&from, table), (&to, table));
        }
        assert_same((&from, "direct"), (&to, "packed"));
        let types = "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod) \
             FROM pg_attribute WHERE attrelid IN ('direct'::regclass, 'texts'::regclass) \
             AND attnum > 0 AND attname NOT IN ('p', 'st') ORDER BY 1, attnum";
        assert_eq!(from.rows(types), to.rows(types));
    }
}
