//! The sink that keeps nothing.

use async_trait::async_trait;
use syncline_connector::{Guarantee, Opened, Sink, SinkWriter, TargetTable, WriteTask};
use syncline_types::{
    Adapted, ChangeBatch, Code, Error, Position, Result, Split, TableName, TableSchema,
};

pub(crate) struct StreamSink;

#[async_trait]
impl Sink for StreamSink {
    async fn check(&self) -> Result<Vec<String>> {
        Ok(vec!["the target keeps no rows: they are counted and thrown away".into()])
    }

    async fn describe(&self, _: &TableName) -> Result<Option<TargetTable>> {
        Ok(None)
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        let table = TableSchema { name: target.clone(), ..source.clone() };
        Ok(Adapted { table, notes: Vec::new() })
    }

    fn guarantee(&self, _: &WriteTask) -> Guarantee {
        Guarantee::Append
    }

    async fn prepare(&self, _: &WriteTask) -> Result<()> {
        Ok(())
    }

    async fn open(&self, _: &WriteTask, _: &Split) -> Result<Opened> {
        Ok(Opened { writer: Box::new(Nowhere), held: None })
    }

    async fn commit(&self, _: &WriteTask) -> Result<()> {
        Ok(())
    }

    async fn relate(&self, _: &[WriteTask]) -> Result<()> {
        Ok(())
    }

    async fn finish(&self, _: &[WriteTask]) -> Result<()> {
        Ok(())
    }

    async fn discard(&self, _: &[WriteTask]) -> Result<()> {
        Ok(())
    }

    async fn execute(&self, _: &[String]) -> Result<()> {
        Err(Error::new(Code::Unsupported, "a stream runs no statements"))
    }

    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

struct Nowhere;

#[async_trait]
impl SinkWriter for Nowhere {
    async fn write(&mut self, _: &ChangeBatch) -> Result<()> {
        Ok(())
    }

    async fn flush(&mut self, _: &Position, _: bool) -> Result<()> {
        Ok(())
    }
}
