//! What tables need to be made again: extensions, types, collations, functions, sequences. The
//! server's own record of what depends on what is followed from the tables, their columns,
//! defaults, constraints and indexes to what nothing else has to be there for.

use std::collections::{HashMap, HashSet};

use syncline_types::{NativeSql, Requirement, Result, TableName};

use crate::connect::Session;
use crate::error;
use crate::types::STORE;

/// What one table needs.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) requires: Vec<Requirement>,
    pub(super) notes: Vec<String>,
}

/// An object of the catalog: the catalog's oid and its own.
type Object = (u32, u32);

/// The parts of the tables and their partitions that depend on others, each with the oid of its
/// table.
const PARTS: &str = "
WITH all_of (root, oid) AS (
  SELECT r.oid, r.oid FROM pg_catalog.unnest($1::oid[]) r (oid)
  UNION ALL
  SELECT r.oid, t.relid FROM pg_catalog.unnest($1::oid[]) r (oid)
  CROSS JOIN LATERAL pg_catalog.pg_partition_tree(r.oid) t WHERE t.level > 0)
SELECT t.oid, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, t.oid
FROM pg_catalog.unnest($1::oid[]) t (oid)
UNION ALL
SELECT a.root, 'pg_catalog.pg_attrdef'::pg_catalog.regclass::oid, d.oid
FROM pg_catalog.pg_attrdef d JOIN all_of a ON a.oid = d.adrelid
UNION ALL
SELECT a.root, 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid, c.oid
FROM pg_catalog.pg_constraint c JOIN all_of a ON a.oid = c.conrelid WHERE c.contype <> 'f'
UNION ALL
SELECT a.root, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, i.indexrelid
FROM pg_catalog.pg_index i JOIN all_of a ON a.oid = i.indrelid";

/// What the objects depend on. Conditions of a domain depend on it, and not the other way round,
/// but it needs what they need.
const NEEDED: &str = "
SELECT DISTINCT d.classid, d.objid, d.refclassid, d.refobjid
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::oid[])) AS o (classid, objid)
JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid
WHERE d.deptype IN ('n', 'i', 'e')
UNION
SELECT o.classid, o.objid, 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid, c.oid
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::oid[])) AS o (classid, objid)
JOIN pg_catalog.pg_constraint c ON c.contypid = o.objid
WHERE o.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
UNION
SELECT o.classid, o.objid, 'pg_catalog.pg_type'::pg_catalog.regclass::oid, y.typelem
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::oid[])) AS o (classid, objid)
JOIN pg_catalog.pg_type y ON y.oid = o.objid AND y.typelem >= 16384
WHERE o.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
ORDER BY 1, 2, 3, 4";

/// What the tables need, by oid of the table, in an order in which it can be made.
pub(super) async fn requirements(session: &Session, oids: &[u32]) -> Result<HashMap<u32, Needs>> {
    let of = |e| error::of(e, "listing what tables need");
    let mut roots: HashMap<u32, Vec<Object>> = HashMap::new();
    for row in session.client.query(PARTS, &[&oids]).await.map_err(of)? {
        roots.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    let parts: HashSet<Object> = roots.values().flatten().copied().collect();
    let mut edges: HashMap<Object, Vec<Object>> = HashMap::new();
    let mut seen = parts.clone();
    let mut fresh: Vec<Object> = parts.iter().copied().collect();
    while !fresh.is_empty() {
        let classes: Vec<u32> = fresh.iter().map(|o| o.0).collect();
        let objects: Vec<u32> = fresh.iter().map(|o| o.1).collect();
        fresh.clear();
        for row in session.client.query(NEEDED, &[&classes, &objects]).await.map_err(of)? {
            let (from, to): (Object, Object) = ((row.get(0), row.get(1)), (row.get(2), row.get(3)));
            edges.entry(from).or_default().push(to);
            if seen.insert(to) {
                fresh.push(to);
            }
        }
    }
    let made = made(session, seen.difference(&parts).copied().collect()).await?;
    let owners = owners(session, &made).await?;
    Ok(roots
        .into_iter()
        .map(|(table, parts)| {
            let mut needs = Needs::default();
            // Sequences of its own columns are made with them.
            let own = owners.iter().filter(|(_, owner)| *owner == table).map(|(object, _)| *object);
            let mut done: HashSet<Object> = own.collect();
            for part in parts {
                visit(part, &edges, &made, &mut done, &mut needs);
            }
            (table, needs)
        })
        .collect())
}

/// The sequences among the objects that belong to a column, with the oid of its table.
async fn owners(session: &Session, made: &HashMap<Object, Made>) -> Result<Vec<(Object, u32)>> {
    const SQL: &str = "
SELECT d.classid, d.objid, d.refobjid FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
WHERE d.objid = ANY($1::oid[]) AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refclassid = d.classid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0";
    let sequence = |made: &Made| matches!(made, Made::By(r) if r.kind == "sequence");
    let oids: Vec<u32> = made.iter().filter(|(_, m)| sequence(m)).map(|(o, _)| o.1).collect();
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = session.query(SQL, &[&oids], "listing sequences").await?;
    Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect())
}

/// How an object is made, or why it is not.
enum Made {
    By(Requirement),
    /// A member of an extension, by the extension's place.
    Member,
    Not(String),
}

/// Depth first: what an object needs comes before it.
fn visit(
    object: Object,
    edges: &HashMap<Object, Vec<Object>>,
    made: &HashMap<Object, Made>,
    done: &mut HashSet<Object>,
    needs: &mut Needs,
) {
    if !done.insert(object) {
        return;
    }
    for to in edges.get(&object).into_iter().flatten() {
        visit(*to, edges, made, done, needs);
    }
    match made.get(&object) {
        Some(Made::By(requirement)) if !needs.requires.contains(requirement) => {
            needs.requires.push(requirement.clone());
        }
        Some(Made::Not(note)) if !needs.notes.contains(note) => needs.notes.push(note.clone()),
        _ => {}
    }
}

/// Each kind of object with the statement that makes it.
const MADE: &str = "
WITH o AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::oid[]))
           AS o (classid, objid)),
member AS (SELECT DISTINCT d.classid, d.objid FROM o
  JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e')
SELECT o.classid, o.objid, 'extension', n.nspname::text, e.extname::text,
       pg_catalog.format('CREATE SCHEMA IF NOT EXISTS %I; CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I CASCADE',
                         n.nspname, e.extname, n.nspname)
FROM o JOIN pg_catalog.pg_extension e ON e.oid = o.objid
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE o.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.extname <> 'plpgsql'
UNION ALL
SELECT o.classid, o.objid, CASE y.typtype WHEN 'd' THEN 'domain' ELSE 'type' END,
       n.nspname::text, y.typname::text,
       CASE y.typtype
       WHEN 'e' THEN pg_catalog.format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, y.typname,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
          FROM pg_catalog.pg_enum e WHERE e.enumtypid = y.oid))
       WHEN 'c' THEN pg_catalog.format('CREATE TYPE %I.%I AS (%s)', n.nspname, y.typname,
         (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', a.attname,
                   pg_catalog.format_type(a.atttypid, a.atttypmod),
                   (SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname)
                    FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
                    JOIN pg_catalog.pg_type at ON at.oid = a.atttypid
                    WHERE co.oid = a.attcollation AND a.attcollation <> at.typcollation)),
                 ', ' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
       WHEN 'd' THEN pg_catalog.format('CREATE DOMAIN %I.%I AS %s', n.nspname, y.typname,
           pg_catalog.format_type(y.typbasetype, y.typtypmod))
         || coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname)
              FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
              JOIN pg_catalog.pg_type bt ON bt.oid = y.typbasetype
              WHERE co.oid = y.typcollation AND y.typcollation <> bt.typcollation), '')
         || coalesce(' DEFAULT ' || y.typdefault, '')
         || CASE WHEN y.typnotnull THEN ' NOT NULL' ELSE '' END
         || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format(' CONSTRAINT %I %s', c.conname,
                   pg_catalog.pg_get_constraintdef(c.oid)), '' ORDER BY c.conname)
              FROM pg_catalog.pg_constraint c
              WHERE c.contypid = y.oid AND c.contype = 'c' AND c.convalidated), '')
         || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format('; ALTER DOMAIN %I.%I ADD CONSTRAINT %I %s',
                   n.nspname, y.typname, c.conname, pg_catalog.pg_get_constraintdef(c.oid)), '' ORDER BY c.conname)
              FROM pg_catalog.pg_constraint c
              WHERE c.contypid = y.oid AND c.contype = 'c' AND NOT c.convalidated), '')
       WHEN 'r' THEN (SELECT pg_catalog.format('CREATE TYPE %I.%I AS RANGE (SUBTYPE = %s%s%s%s%s)', n.nspname, y.typname,
           pg_catalog.format_type(r.rngsubtype, NULL),
           (SELECT pg_catalog.format(', SUBTYPE_OPCLASS = %I.%I', ocn.nspname, oc.opcname)
            FROM pg_catalog.pg_opclass oc JOIN pg_catalog.pg_namespace ocn ON ocn.oid = oc.opcnamespace
            WHERE oc.oid = r.rngsubopc AND NOT oc.opcdefault),
           (SELECT pg_catalog.format(', COLLATION = %I.%I', cn.nspname, co.collname)
            FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
            JOIN pg_catalog.pg_type st ON st.oid = r.rngsubtype
            WHERE co.oid = r.rngcollation AND r.rngcollation <> st.typcollation),
           CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::pg_catalog.regproc::text END{MULTIRANGE})
         FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid)
       END
FROM o JOIN pg_catalog.pg_type y ON y.oid = o.objid AND y.typtype IN ('e', 'c', 'd', 'r')
JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
LEFT JOIN pg_catalog.pg_class yc ON yc.oid = y.typrelid
WHERE o.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND (yc.oid IS NULL OR yc.relkind = 'c')
UNION ALL
SELECT o.classid, o.objid, 'collation', n.nspname::text, c.collname::text,
       pg_catalog.format('CREATE COLLATION %I.%I (%s)', n.nspname, c.collname, {COLLATION})
FROM o JOIN pg_catalog.pg_collation c ON c.oid = o.objid
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE o.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass AND n.nspname <> 'pg_catalog'
UNION ALL
SELECT o.classid, o.objid, 'function', n.nspname::text,
       p.proname::text || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')',
       pg_catalog.pg_get_functiondef(p.oid)
FROM o JOIN pg_catalog.pg_proc p ON p.oid = o.objid AND p.prokind = 'f'
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE o.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = o.classid AND m.objid = o.objid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid
                  AND d.deptype = 'i' AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)
UNION ALL
SELECT o.classid, o.objid, 'sequence', n.nspname::text, c.relname::text,
       pg_catalog.format('CREATE SEQUENCE %I.%I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s%s',
         n.nspname, c.relname, pg_catalog.format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin,
         s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END,
         (SELECT pg_catalog.format('; SELECT pg_catalog.setval(%L, %s)',
                                   pg_catalog.format('%I.%I', n.nspname, c.relname), v.last)
          FROM (SELECT CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE')
                       THEN pg_catalog.pg_sequence_last_value(c.oid::pg_catalog.regclass) END AS last) v
          WHERE v.last IS NOT NULL))
FROM o JOIN pg_catalog.pg_class c ON c.oid = o.objid AND c.relkind = 'S'
JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
UNION ALL
SELECT m.classid, m.objid, 'member', NULL, NULL, NULL FROM member m";

async fn made(session: &Session, objects: Vec<Object>) -> Result<HashMap<Object, Made>> {
    if objects.is_empty() {
        return Ok(HashMap::new());
    }
    let version = session.facts.version;
    let multirange = match version {
        14.. => {
            ", ', MULTIRANGE_TYPE_NAME = ' || (SELECT pg_catalog.format('%I.%I', mn.nspname, mt.typname) \
             FROM pg_catalog.pg_type mt JOIN pg_catalog.pg_namespace mn ON mn.oid = mt.typnamespace \
             WHERE mt.oid = r.rngmultitypid)"
        }
        _ => ", NULL::text",
    };
    let locale = match version {
        17.. => "coalesce(c.colllocale, c.collcollate)",
        15.. => "coalesce(c.colliculocale, c.collcollate)",
        _ => "c.collcollate",
    };
    let collation = format!(
        "'PROVIDER = ' || CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END \
         || CASE WHEN c.collprovider = 'c' AND c.collctype <> c.collcollate \
            THEN pg_catalog.format(', LC_COLLATE = %L, LC_CTYPE = %L', c.collcollate, c.collctype) \
            ELSE pg_catalog.format(', LOCALE = %L', {locale}) END \
         || CASE WHEN c.collisdeterministic THEN '' ELSE ', DETERMINISTIC = false' END"
    );
    let sql = MADE.replace("{MULTIRANGE}", multirange).replace("{COLLATION}", &collation);
    let classes: Vec<u32> = objects.iter().map(|o| o.0).collect();
    let oids: Vec<u32> = objects.iter().map(|o| o.1).collect();
    let rows = session.query(&sql, &[&classes, &oids], "listing types and functions").await?;
    let mut made: HashMap<Object, Made> = HashMap::new();
    for row in &rows {
        let object = (row.get(0), row.get(1));
        let kind: String = row.get(2);
        if kind == "member" {
            made.insert(object, Made::Member);
            continue;
        }
        if matches!(made.get(&object), Some(Made::Member)) {
            continue;
        }
        let (schema, name): (Option<String>, Option<String>) = (row.get(3), row.get(4));
        let name = TableName { schema, name: name.unwrap_or_default() };
        let entry = match row.get::<_, Option<String>>(5) {
            Some(sql) => Made::By(Requirement { kind, name, create: NativeSql::new(STORE, sql) }),
            None => Made::Not(format!("{kind} {name} is not made")),
        };
        made.insert(object, entry);
    }
    Ok(made)
}
