//! Rows out of an upload, one at a time: CSV, NDJSON or JSON, within bounds whatever the file is.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use shared::domain::Row;

use crate::body::Strict;
use crate::problem::Problem;
use crate::routes::register_users::row;

/// What the rows are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    Ndjson,
    Json,
}

/// The longest a row may be, in bytes, give or take a buffer.
const LONGEST_ROW: usize = 256 * 1024;

/// Fails once too much was read since the last row: an unclosed quote must not make a row of the whole file.
struct Bounded {
    file: File,
    since: Rc<Cell<usize>>,
}

impl Bounded {
    /// The reader, and what a row sets back to 0.
    fn new(file: File) -> (Self, Rc<Cell<usize>>) {
        let since = Rc::new(Cell::new(0));
        (Self { file, since: Rc::clone(&since) }, since)
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.since.get() > LONGEST_ROW {
            return Err(std::io::Error::other(format!(
                "a row is longer than {LONGEST_ROW} bytes; is a quote missing?"
            )));
        }
        let read = self.file.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}

pub(super) type Take<'a> = &'a mut dyn FnMut(Row) -> Result<(), Problem>;

/// Reads every row in order; `take` may refuse one, which ends the reading.
pub(super) fn read_rows(file: File, kind: Kind, take: Take<'_>) -> Result<(), Problem> {
    match kind {
        Kind::Csv => read_csv(file, take),
        Kind::Ndjson => read_ndjson(file, take),
        Kind::Json => read_json(file, take, &mut Map::new()),
    }
}

fn read_csv(file: File, take: Take<'_>) -> Result<(), Problem> {
    let (bounded, since) = Bounded::new(file);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
    let malformed = |e: csv::Error| Problem::Malformed(format!("The body is not valid CSV: {e}."));
    let head = reader.byte_headers().map_err(malformed)?.clone();
    let named = |name: &str| {
        head.iter().position(|h| {
            let h = String::from_utf8_lossy(h);
            h.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(name)
        })
    };
    let (name, email, external_id) = (named("name"), named("email"), named("external_id"));
    if email.is_none() {
        return Err(Problem::invalid(
            "",
            "needs a header row with at least the column email (and name, external_id)",
        ));
    }
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(malformed)? {
        since.set(0);
        let mut fault = None;
        let mut cell = |at: Option<usize>| {
            let bytes = record.get(at?)?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()).filter(|text| !text.is_empty()),
                Err(_) => {
                    fault = Some("a cell is not UTF-8".to_owned());
                    None
                }
            }
        };
        let (name, email, external_id) = (cell(name), cell(email), cell(external_id));
        take(Row { name, email, external_id, fault }.settled())?;
    }
    Ok(())
}

fn read_ndjson(file: File, take: Take<'_>) -> Result<(), Problem> {
    let broken = |_| Problem::Malformed("The body cannot be read.".to_owned());
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut first = true;
    loop {
        line.clear();
        // A line longer than any row is cut, which makes it no JSON; what is left of it is passed over.
        let read = (&mut reader).take(1 << 20).read_until(b'\n', &mut line).map_err(broken)?;
        if read == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            reader.skip_until(b'\n').map_err(broken)?;
        }
        if first && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        first = false;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let mut json = serde_json::Deserializer::from_slice(&line);
        let value = Strict.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
        take(match value {
            Ok(value) => row(&value),
            Err(_) => Row { fault: Some("the line is not valid JSON".to_owned()), ..Row::default() },
        })?;
    }
}

/// Reads `users` (or a bare list) one by one and keeps the other members.
pub(super) fn read_json(file: File, take: Take<'_>, members: &mut Map<String, Value>) -> Result<(), Problem> {
    let mut refused = None;
    let (bounded, since) = Bounded::new(file);
    let mut take = |row: Row| {
        since.set(0);
        take(row)
    };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(bounded));
    let result = Upload { take: &mut take, members, refused: &mut refused }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    match (result, refused) {
        (_, Some(problem)) => Err(problem),
        (Err(e), None) if e.is_data() && !e.to_string().contains("twice") => {
            Err(Problem::invalid("/users", "must be a list of users in a JSON object"))
        }
        (Err(e), None) => Err(Problem::Malformed(format!("The body is not valid JSON: {e}."))),
        (Ok(()), None) => Ok(()),
    }
}

struct Upload<'a, 'b> {
    take: &'a mut (dyn FnMut(Row) -> Result<(), Problem> + 'b),
    members: &'a mut Map<String, Value>,
    refused: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Upload<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Upload<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with users, or a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        Users { take: self.take, refused: self.refused }.visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.members.contains_key(&key) {
                return Err(serde::de::Error::custom(format_args!("the key {key:?} appears twice")));
            }
            let value = if key == "users" {
                map.next_value_seed(Users { take: self.take, refused: self.refused })?;
                Value::Null
            } else {
                map.next_value_seed(Strict)?
            };
            self.members.insert(key, value);
        }
        Ok(())
    }
}

struct Users<'a, 'b> {
    take: &'a mut (dyn FnMut(Row) -> Result<(), Problem> + 'b),
    refused: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Users<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Users<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(user) = seq.next_element_seed(Strict)? {
            if let Err(problem) = (self.take)(row(&user)) {
                *self.refused = Some(problem);
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        }
        Ok(())
    }
}
