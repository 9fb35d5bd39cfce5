//! The file to be registered: what it is, how many rows it has, and each row as it stood.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What the file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Csv,
    Ndjson,
    Json,
}

/// A file that was looked through once.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    rows: u64,
}

impl Kind {
    /// The media type that it is sent as.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
            Self::Json => "application/json",
        }
    }

    /// By the file's ending.
    fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Ok(Self::Csv),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "json" => Ok(Self::Json),
            _ => bail!("{}: name it .csv, .ndjson or .json, so that it is clear what it is", path.display()),
        }
    }
}

impl Input {
    /// Looks through the file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let kind = Kind::of(path)?;
        let mut input = Self { path: path.to_owned(), kind, rows: 0 };
        let mut rows = 0;
        input.each(|_| {
            rows += 1;
            Ok(())
        })?;
        input.rows = rows;
        Ok(input)
    }

    /// How many rows it has.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// The CSV's header row; for the others the members that the service knows.
    pub(crate) fn header(&self) -> Result<csv::ByteRecord> {
        match self.kind {
            Kind::Csv => Ok(self.csv()?.byte_headers()?.clone()),
            Kind::Ndjson | Kind::Json => Ok(csv::ByteRecord::from(vec!["name", "email", "external_id"])),
        }
    }

    /// Every row as cells below [`Input::header`], in order.
    pub(crate) fn each(&self, mut take: impl FnMut(&csv::ByteRecord) -> Result<()>) -> Result<()> {
        match self.kind {
            Kind::Csv => {
                let mut reader = self.csv()?;
                let head = reader.byte_headers().context("the CSV's header row cannot be read")?;
                let has_email = head.iter().any(|h| {
                    String::from_utf8_lossy(h)
                        .trim_start_matches('\u{feff}')
                        .trim()
                        .eq_ignore_ascii_case("email")
                });
                if !has_email {
                    bail!(
                        "{}: the first row must name the columns, and one of them must be email",
                        self.path.display()
                    );
                }
                for record in reader.byte_records() {
                    take(&record.with_context(|| format!("{} is not valid CSV", self.path.display()))?)?;
                }
            }
            Kind::Ndjson => {
                for line in BufReader::new(self.open()?).split(b'\n') {
                    let line = line.with_context(|| format!("{} cannot be read", self.path.display()))?;
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        take(&cells(&serde_json::from_slice(&line).unwrap_or(Value::Null)))?;
                    }
                }
            }
            Kind::Json => {
                let value: Value = serde_json::from_reader(BufReader::new(self.open()?))
                    .with_context(|| format!("{} is not valid JSON", self.path.display()))?;
                let users = value.get("users").unwrap_or(&value).as_array();
                let users = users.with_context(|| {
                    format!("{}: expected a list of users, or an object with one", self.path.display())
                })?;
                for user in users {
                    take(&cells(user))?;
                }
            }
        }
        Ok(())
    }

    fn open(&self) -> Result<File> {
        File::open(&self.path).with_context(|| format!("{} cannot be opened", self.path.display()))
    }

    fn csv(&self) -> Result<csv::Reader<File>> {
        Ok(csv::ReaderBuilder::new().flexible(true).from_reader(self.open()?))
    }
}

fn cells(user: &Value) -> csv::ByteRecord {
    let cell = |name: &str| user.get(name).and_then(Value::as_str).unwrap_or_default().as_bytes().to_vec();
    csv::ByteRecord::from(vec![cell("name"), cell("email"), cell("external_id")])
}
