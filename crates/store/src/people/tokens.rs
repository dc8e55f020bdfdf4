//! Tokens: what programs act with, for a user or for the admin token of the environment.

use syncline_types::{Error, Result};

use crate::connections::missing;
use crate::database::{Done, Failed, Failure, Row, Value, params};
use crate::{Store, now};

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its id.
    pub id: String,
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// What it is for, for people.
    pub name: String,
    /// Whose it is; none when it was made with the admin token of the environment.
    pub owner: Option<String>,
    /// How far it goes.
    pub role: String,
    /// The jobs it is limited to; none: all.
    pub jobs: Option<Vec<String>>,
    /// The projects it is limited to; none: all.
    pub projects: Option<Vec<String>>,
    /// Until when it is good; none: until it is removed.
    pub expires_at: Option<String>,
}

/// A token, without what would let anybody use it.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What it is for, for people.
    pub name: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// How far it goes.
    pub role: String,
    /// The jobs it is limited to; none: all.
    pub jobs: Option<Vec<String>>,
    /// The projects it is limited to; none: all.
    pub projects: Option<Vec<String>>,
    /// When it was made.
    pub created_at: String,
    /// Until when it is good.
    pub expires_at: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
}

/// A token that is good, and how far its owner may go.
#[derive(Debug, Clone)]
pub struct TokenUse {
    /// The token.
    pub token: Token,
    /// The owner's role now; none without an owner.
    pub owner_role: Option<String>,
}

const COLUMNS: &str =
    "t.id AS id, t.name AS name, t.owner AS owner, t.role AS role, t.jobs AS jobs, t.projects AS projects,
     t.created_at AS created_at, t.expires_at AS expires_at, t.last_used_at AS last_used_at";

fn token(row: &Row) -> Done<Token> {
    let names = |column: &str| -> Done<Option<Vec<String>>> {
        let names: Option<String> = row.get(column)?;
        // What cannot be read must not become a token for everything.
        let names = names.map(|json| serde_json::from_str(&json)).transpose();
        names.map_err(|e| Failed::new(Failure::Other, e))
    };
    Ok(Token {
        id: row.get("id")?,
        name: row.get("name")?,
        owner: row.get("owner")?,
        role: row.get("role")?,
        jobs: names("jobs")?,
        projects: names("projects")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}

fn token_use(row: &Row) -> Done<TokenUse> {
    Ok(TokenUse { token: token(row)?, owner_role: row.get("owner_role")? })
}

impl Store {
    /// Makes a token.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn create_token(&self, new: &NewToken) -> Result<Token> {
        let doing = "making a token";
        let json = |names: &Option<Vec<String>>| {
            let text = names.as_ref().map(serde_json::to_string).transpose();
            text.map_err(|e| Error::bug("names cannot be written").because(e))
        };
        let (jobs, projects) = (json(&new.jobs)?, json(&new.projects)?);
        let sql = "INSERT INTO tokens (id, hash, name, owner, role, jobs, created_at, expires_at,
                       projects) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let at = now();
        let values = params![
            &new.id,
            &new.hash,
            &new.name,
            new.owner.clone(),
            &new.role,
            jobs,
            &at,
            new.expires_at.clone(),
            projects
        ];
        self.database().execute(doing, sql, values)?;
        Ok(Token {
            id: new.id.clone(),
            name: new.name.clone(),
            owner: new.owner.clone(),
            role: new.role.clone(),
            jobs: new.jobs.clone(),
            projects: new.projects.clone(),
            created_at: at,
            expires_at: new.expires_at.clone(),
            last_used_at: None,
        })
    }

    /// Tokens by id, those behind `after`, at most so many; of one owner, where given.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn tokens(&self, owner: Option<&str>, after: &str, limit: u32) -> Result<Vec<Token>> {
        let mut values = vec![Value::from(after), Value::from(limit)];
        let mut whose = "";
        if let Some(owner) = owner {
            values.push(owner.into());
            whose = " AND t.owner = $3";
        }
        let sql =
            format!("SELECT {COLUMNS} FROM tokens t WHERE t.id > $1{whose} ORDER BY t.id LIMIT $2");
        self.database().read("listing tokens", &sql, &values, token)
    }

    /// The token of that id.
    ///
    /// # Errors
    /// [`syncline_types::Code::NotFound`].
    pub fn token(&self, id: &str) -> Result<Token> {
        let sql = format!("SELECT {COLUMNS} FROM tokens t WHERE t.id = $1");
        let mut found = self.database().read("reading a token", &sql, params![id], token)?;
        found.pop().ok_or_else(|| missing("token", id))
    }

    /// The token of that hash, if it has not expired and its owner is not shut out.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn token_use(&self, hash: &str) -> Result<Option<TokenUse>> {
        let sql = format!(
            "SELECT {COLUMNS}, u.role AS owner_role
             FROM tokens t LEFT JOIN users u ON u.name = t.owner
             WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)
               AND (t.owner IS NULL OR u.disabled = 0)"
        );
        Ok(self.database().read("reading a token", &sql, params![hash, now()], token_use)?.pop())
    }

    /// Notes that a token is in use.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn touch_token(&self, id: &str) -> Result<()> {
        let sql = "UPDATE tokens SET last_used_at = $1 WHERE id = $2";
        self.database().execute("noting a token", sql, params![now(), id]).map(drop)
    }

    /// Removes a token.
    ///
    /// # Errors
    /// [`syncline_types::Code::NotFound`].
    pub fn remove_token(&self, id: &str) -> Result<()> {
        let sql = "DELETE FROM tokens WHERE id = $1";
        let removed = self.database().execute("removing a token", sql, params![id])?;
        if removed == 0 { Err(missing("token", id)) } else { Ok(()) }
    }
}
