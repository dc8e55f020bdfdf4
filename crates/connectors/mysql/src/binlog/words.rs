//! What the words of a statement mean on a server: its character sets, collations, databases and
//! defaults.

use std::collections::HashMap;

use syncline_types::Result;

use crate::wire::{Conn, Flavor};

/// What a server understands by what is said, and by what is left unsaid.
pub(crate) struct Words {
    pub(crate) flavor: Flavor,
    pub(crate) version: (u16, u16, u16),
    /// The engine of tables that name none.
    pub(crate) engine: String,
    pub(crate) explicit_timestamps: bool,
    /// Character set and collation of each database.
    pub(crate) databases: HashMap<String, (String, String)>,
    /// The character set of each collation, and whether it is that set's default.
    collations: HashMap<String, (String, bool)>,
}

impl Words {
    pub(crate) async fn load(conn: &mut Conn) -> Result<Self> {
        let own = "SELECT @@global.default_storage_engine, \
                   @@global.explicit_defaults_for_timestamp";
        let settings = conn.query(own).await?;
        let value = |at: usize| settings.rows.first().and_then(|r| r.get(at)?.clone());
        // MariaDB lists some collations without the character sets they go with.
        let sql = match conn.flavor {
            Flavor::MySql => {
                "SELECT COLLATION_NAME, CHARACTER_SET_NAME, IS_DEFAULT \
                 FROM information_schema.COLLATIONS"
            }
            Flavor::MariaDb => {
                "SELECT FULL_COLLATION_NAME, CHARACTER_SET_NAME, IS_DEFAULT \
                 FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
            }
        };
        let listed = match conn.query(sql).await {
            Ok(listed) => listed,
            Err(crate::wire::Fault::Server { .. }) => {
                conn.query(
                    "SELECT COLLATION_NAME, CHARACTER_SET_NAME, IS_DEFAULT \
                     FROM information_schema.COLLATIONS",
                )
                .await?
            }
            Err(fault) => return Err(fault.into()),
        };
        let mut collations = HashMap::new();
        for row in &listed.rows {
            let [Some(name), Some(charset), default] = row.as_slice() else { continue };
            let default = default.as_deref() == Some("Yes");
            collations.insert(name.clone(), (charset.clone(), default));
        }
        let schemata = "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
                        FROM information_schema.SCHEMATA";
        let mut databases = HashMap::new();
        for row in conn.query(schemata).await?.rows {
            let [Some(name), Some(charset), Some(collation)] = row.as_slice() else { continue };
            databases.insert(name.clone(), (charset.clone(), collation.clone()));
        }
        let narrow = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        let (major, minor, patch) = conn.version;
        Ok(Self {
            flavor: conn.flavor,
            version: (narrow(major), narrow(minor), narrow(patch)),
            engine: value(0).unwrap_or_else(|| "InnoDB".into()),
            explicit_timestamps: value(1).as_deref() == Some("1"),
            databases,
            collations,
        })
    }

    /// The collation that a character set has by default.
    pub(crate) fn collation(&self, charset: &str) -> Option<String> {
        let of = |(set, default): &(String, bool)| *default && set.eq_ignore_ascii_case(charset);
        self.collations.iter().find(|(_, c)| of(c)).map(|(name, _)| name.clone())
    }

    /// The character set of a collation.
    pub(crate) fn charset(&self, collation: &str) -> Option<String> {
        let same = |name: &str| name.eq_ignore_ascii_case(collation);
        self.collations.iter().find(|(name, _)| same(name)).map(|(_, (set, _))| set.clone())
    }
}
