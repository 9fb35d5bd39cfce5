//! Entries as Redis writes them: one field `id` that holds the 16 bytes of the id, and nothing else.

use std::fmt;

use redis::{Cmd, RedisWrite, ToRedisArgs, ToSingleRedisArg, Value};
use uuid::Uuid;

use crate::queue::source::{Entry, EntryKey};

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

impl ToRedisArgs for EntryKey {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg_fmt(self);
    }
}

impl ToSingleRedisArg for EntryKey {}

impl EntryKey {
    fn parse(text: &[u8]) -> Option<Self> {
        let (millis, sequence) = std::str::from_utf8(text).ok()?.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

/// The command that appends an id.
pub(super) fn append(stream: &str, id: &Uuid) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(stream).arg("*").arg("id").arg(id.as_bytes().as_slice());
    command
}

/// What a read gave.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// Entries that hold no id, or nothing at all any more.
    pub(super) unreadable: Vec<EntryKey>,
}

impl Read {
    /// From the answer to XREADGROUP on one stream.
    pub(super) fn from_group(answer: Value) -> Self {
        let mut read = Self::default();
        match answer {
            Value::Array(streams) => {
                for stream in streams {
                    if let Value::Array(pair) = stream {
                        read.take(pair.into_iter().nth(1).unwrap_or_default());
                    }
                }
            }
            Value::Map(streams) => streams.into_iter().for_each(|(_, entries)| read.take(entries)),
            _ => {}
        }
        read
    }

    /// From the answer to XAUTOCLAIM, with the place where the next one begins.
    pub(super) fn from_claim(answer: Value) -> (Self, Vec<u8>) {
        let mut read = Self::default();
        let Value::Array(parts) = answer else { return (read, Vec::new()) };
        let mut parts = parts.into_iter();
        let next = match parts.next() {
            Some(Value::BulkString(next)) => next,
            _ => Vec::new(),
        };
        read.take(parts.next().unwrap_or_default());
        (read, next)
    }

    fn take(&mut self, entries: Value) {
        let Value::Array(entries) = entries else { return };
        self.entries.reserve(entries.len());
        for entry in entries {
            let Value::Array(pair) = entry else { continue };
            let mut pair = pair.into_iter();
            let Some(Value::BulkString(key)) = pair.next() else { continue };
            let Some(key) = EntryKey::parse(&key) else { continue };
            match pair.next().as_ref().and_then(id_in) {
                Some(id) => self.entries.push(Entry { key, id }),
                None => self.unreadable.push(key),
            }
        }
    }
}

fn id_in(fields: &Value) -> Option<Uuid> {
    let Value::Array(fields) = fields else { return None };
    match fields.as_slice() {
        [Value::BulkString(name), Value::BulkString(id)] if name == b"id" => Uuid::from_slice(id).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn an_answer_is_read_and_what_cannot_be_read_is_named() {
        let id = Uuid::from_u128(7);
        let good = Value::Array(vec![text("id"), Value::BulkString(id.as_bytes().to_vec())]);
        let bad = Value::Array(vec![text("id"), text("seven")]);
        let entries = Value::Array(vec![
            Value::Array(vec![text("12-3"), good]),
            Value::Array(vec![text("12-4"), bad]),
            Value::Array(vec![text("12-5"), Value::Nil]),
        ]);
        let read = Read::from_group(Value::Array(vec![Value::Array(vec![text("stream"), entries])]));
        assert_eq!(read.entries.len(), 1);
        assert_eq!((read.entries[0].key.to_string().as_str(), read.entries[0].id), ("12-3", id));
        assert_eq!(read.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(), ["12-4", "12-5"]);
        assert!(Read::from_group(Value::Nil).entries.is_empty());
    }
}
