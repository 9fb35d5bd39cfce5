//! Telling how it goes: the bars while it runs, the files and the summary when it is done.

use std::fs::File;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::RegisterArgs;
use super::client::{Batch, Client, ResultRow};
use super::input::Input;

/// Follows a batch until every row has a result, and with `watch` until no mail waits any more.
pub(crate) async fn follow(client: &Client, batch: &Batch, watch: bool) -> Result<Batch> {
    let bars = MultiProgress::new();
    let style = |name: &str| {
        let template = format!("{name:<11} [{{bar:40}}] {{pos}}/{{len}} {{per_sec}} {{msg}}");
        ProgressStyle::with_template(&template).map(|style| style.progress_chars("=> "))
    };
    let rows = bars.add(ProgressBar::new(batch.total).with_style(style("registered")?));
    let mails = bars.add(ProgressBar::new(0).with_style(style("mailed")?));
    let mut pause = Duration::from_millis(100);
    loop {
        let now = client.batch(&batch.id).await?;
        rows.set_position(now.processed);
        rows.set_message(if now.failed > 0 { format!("{} failed", now.failed) } else { String::new() });
        let m = now.emails;
        let settled = u64::try_from(m.sent + m.failed + m.suppressed).unwrap_or(0);
        mails.set_length(settled + u64::try_from(m.queued + m.deferred).unwrap_or(0));
        mails.set_position(settled);
        mails.set_message(if m.deferred > 0 { format!("{} put off", m.deferred) } else { String::new() });
        let registered = now.status == "completed";
        if registered && (!watch || m.queued + m.deferred == 0) {
            rows.finish();
            mails.finish();
            return Ok(now);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// The files that were asked for.
pub(crate) struct Sinks {
    out: Option<csv::Writer<File>>,
    failed: Option<Failed>,
}

struct Failed {
    writer: csv::Writer<File>,
    /// Of each row so far, whether it failed.
    flags: Vec<bool>,
    input: Input,
}

impl Sinks {
    pub(crate) fn open(args: &RegisterArgs, input: &Input) -> Result<Self> {
        let create = |path: &std::path::PathBuf| {
            csv::WriterBuilder::new()
                .flexible(true)
                .from_path(path)
                .with_context(|| format!("{} cannot be written", path.display()))
        };
        let mut out = args.out.as_ref().map(create).transpose()?;
        if let Some(out) = &mut out {
            out.write_record(["name", "email", "external_id", "result", "interview_url"])?;
        }
        let failed = match &args.failed_out {
            Some(path) => {
                let input = Input::read(&input.path)?;
                Some(Failed { writer: create(path)?, flags: Vec::new(), input })
            }
            None => None,
        };
        Ok(Self { out, failed })
    }

    /// Takes the next row's result.
    pub(crate) fn take(&mut self, row: &ResultRow) -> Result<()> {
        if let Some(out) = &mut self.out {
            let text = |cell: &Option<String>| defused(cell.as_deref().unwrap_or_default());
            out.write_record([
                text(&row.name),
                text(&row.email),
                text(&row.external_id),
                row.result.clone(),
                text(&row.interview_url),
            ])?;
        }
        if let Some(failed) = &mut self.failed {
            failed.flags.push(row.result != "ok");
        }
        Ok(())
    }

    /// Writes the input's failed rows, as they stood, and closes the files.
    pub(crate) fn finish(self) -> Result<()> {
        if let Some(mut out) = self.out {
            out.flush()?;
        }
        if let Some(Failed { mut writer, flags, input }) = self.failed {
            let mut flags = flags.into_iter();
            writer.write_byte_record(&input.header()?)?;
            input.each(|row| {
                if flags.next() == Some(true) {
                    writer.write_byte_record(row)?;
                }
                Ok(())
            })?;
            writer.flush()?;
        }
        Ok(())
    }
}

/// A cell that a spreadsheet would calculate gets an apostrophe before it.
fn defused(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

/// What became of it, in a few lines.
pub(crate) fn summary(batch: &Batch, args: &RegisterArgs) {
    eprintln!("{} registered, {} failed (batch {})", batch.succeeded, batch.failed, batch.id);
    let m = batch.emails;
    if args.send_email {
        eprintln!(
            "Mails: {} sent, {} waiting, {} put off, {} failed, {} suppressed",
            m.sent, m.queued, m.deferred, m.failed, m.suppressed
        );
    }
    match (&args.out, &args.failed_out) {
        (Some(out), _) => eprintln!("Results: {}", out.display()),
        (None, _) => eprintln!("Add --out results.csv to get every link"),
    }
    if batch.failed > 0 {
        match &args.failed_out {
            Some(path) => eprintln!("Failed rows, ready to be mended and sent again: {}", path.display()),
            None => eprintln!("Add --failed-out failed.csv to get the rows that failed"),
        }
    }
}
