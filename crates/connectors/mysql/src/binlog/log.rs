//! The binary log as the engine knows it.

use async_trait::async_trait;
use syncline_connector::{ChangeLog, Consistency, Follow, LogReader, Moment, Retention, Start};
use syncline_types::{Code, Error, Position, Result};

use super::check;
use super::open::{About, open};
use super::place::Place;
use super::start;
use crate::session::Purpose;
use crate::source::MysqlSource;
use crate::wire::Flavor;

/// Reads a token of either kind of server: they write GTIDs in forms that differ.
fn read(token: &str) -> Result<Place> {
    Place::read(Flavor::MySql, token).or_else(|_| Place::read(Flavor::MariaDb, token))
}

#[async_trait]
impl ChangeLog for MysqlSource {
    async fn check_log(&self, follow: &Follow) -> Result<Vec<String>> {
        let mut conn = self.store.connect(Purpose::Read).await?;
        let notes = check::check(&mut conn, follow).await;
        conn.quit().await;
        notes
    }

    async fn start(&self, _: &Follow, from: &Start) -> Result<Position> {
        let mut conn = self.store.connect(Purpose::Read).await?;
        let about = About::ask(&mut conn).await?;
        let position = start::start(&mut conn, &about, from).await;
        conn.quit().await;
        position
    }

    async fn begin_at(&self, follow: &Follow, parallel: usize) -> Result<(Consistency, Moment)> {
        let mut conn = self.store.connect(Purpose::Read).await?;
        let about = About::ask(&mut conn).await?;
        if !about.logs {
            return Err(start::no_log());
        }
        for table in &follow.tables {
            self.whole(&mut conn, &table.name).await?;
            let plain = self.found().get(&table.name).is_some_and(|t| !t.is_transactional());
            if plain && table.key().is_empty() {
                let text = format!(
                    "{}: its engine has no transactions and it has no key: where a snapshot of it \
                     ends and its log begins cannot be told",
                    table.name
                );
                return Err(Error::new(Code::Unsupported, text)
                    .hint("ALTER TABLE … ENGINE=InnoDB, or give it a primary key"));
            }
        }
        conn.quit().await;
        let (consistency, moment) = self.snapshot(parallel, Some(&about)).await?;
        let (low, high) = moment.ok_or_else(start::no_log)?;
        let position = |place: Place| Ok::<_, Error>(Position::new(0, place.write()?));
        Ok((consistency, Moment { low: position(low)?, high: position(high)? }))
    }

    async fn end_of_log(&self) -> Result<Position> {
        let mut conn = self.store.connect(Purpose::Read).await?;
        let about = About::ask(&mut conn).await?;
        let end = start::end(&mut conn, &about).await?;
        conn.quit().await;
        Ok(Position::new(0, end.place.write()?))
    }

    fn reached(&self, at: &Position, goal: &Position) -> Result<bool> {
        read(&at.token)?.reached(&read(&goal.token)?)
    }

    fn shown(&self, at: &Position) -> String {
        read(&at.token).map_or_else(|_| at.token.clone(), |place| place.to_string())
    }

    async fn follow(&self, follow: &Follow, at: &Position) -> Result<Box<dyn LogReader>> {
        Ok(Box::new(open(&self.store, follow, at).await?))
    }

    async fn retention(&self, _: &Follow, at: &Position) -> Result<Retention> {
        let mut conn = self.store.connect(Purpose::Read).await?;
        let about = About::ask(&mut conn).await?;
        let files = start::files(&mut conn).await?;
        conn.quit().await;
        let place = Place::read(about.flavor, &at.token)?;
        let same = place.file.filter(|_| place.server == about.server);
        Ok(Retention {
            kept: Some(files.iter().map(|(_, size)| size).sum()),
            unread: same.and_then(|(file, offset)| check::unread(&files, &file, offset)),
        })
    }

    async fn unfollow(&self, _: &str) -> Result<()> {
        // The server keeps nothing for us.
        Ok(())
    }
}
