//! People: users, how they are signed in, the tokens of programs that act for them, and the log of
//! what was done.
//!
//! Passwords come hashed; the secrets of sessions and tokens come as their SHA-256. What roles mean
//! is the server's knowledge: here they are words.

mod audit;
mod members;
mod sessions;
mod tokens;
mod users;

pub use audit::{AuditEntry, AuditFilter, NewAudit};
pub use members::Member;
pub use sessions::SignedIn;
pub use tokens::{NewToken, Token, TokenUse};
pub use users::{NewUser, User, UserChange};
