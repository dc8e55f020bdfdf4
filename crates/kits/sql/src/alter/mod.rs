//! Tables that change: what a statement of a log means ([`understand`]), the steps between two
//! definitions ([`alterations`]), and the statements that make a target's table follow ([`alter`]).
//!
//! Pure: a log's statement is understood from its words and the tables as they were before it;
//! what is not understood to the last word is said to be unclear, and never guessed. Whether a
//! change is followed is for the engine, running statements for the connectors.

mod compare;
mod mysql;
mod names;
mod pending;
mod say;

pub use compare::{Alteration, Place, alterations, unlogged};
pub use mysql::{Logged, NativeColumn, Surroundings, Understood, understand};
pub use say::{Altering, alter, drop, rename, truncate};
