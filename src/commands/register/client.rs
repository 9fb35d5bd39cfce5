//! The service as the command line sees it.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use super::RegisterArgs;
use super::input::Input;

/// How often a request is tried while the service is away or busy.
const TRIES: u32 = 8;

/// One service, one key.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// A batch as the service shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Batch {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) total: u64,
    pub(crate) processed: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) emails: Mails,
}

/// Its mails.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Mails {
    pub(crate) queued: i64,
    pub(crate) sent: i64,
    pub(crate) deferred: i64,
    pub(crate) failed: i64,
    pub(crate) suppressed: i64,
}

/// A row's result.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ResultRow {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) result: String,
    pub(crate) interview_url: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped {
    batch: Batch,
}

impl Client {
    pub(crate) fn new(url: &str, key: &str) -> Result<Self> {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, base: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Uploads the file. The request's key is made of the content and the terms, so running again finds the same batch.
    pub(crate) async fn upload(&self, args: &RegisterArgs, input: &Input) -> Result<Batch> {
        let key = fingerprint(args, input).await?;
        let mut query = vec![("interview_id", args.interview.to_string())];
        query.extend(args.merchant.map(|id| ("merchant_id", id.to_string())));
        for (name, set) in [
            ("send_email", args.send_email),
            ("is_test", args.test),
            ("hide_menu", args.hide_menu),
            ("hide_iframe", args.hide_iframe),
        ] {
            if set {
                query.push((name, "true".to_owned()));
            }
        }
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = format!("/api/v1/batches?{}", query.join("&"));
        let mut pause = Duration::from_millis(250);
        for attempt in 1.. {
            let file = tokio::fs::File::open(&input.path).await?;
            let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key);
            let request =
                request.header("content-type", input.kind.media_type()).header("idempotency-key", &key);
            match request.body(reqwest::Body::wrap_stream(ReaderStream::new(file))).send().await {
                Ok(answer) if answer.status().is_success() => {
                    return Ok(answer.json::<Wrapped>().await?.batch);
                }
                Ok(answer) if is_passing(answer.status().as_u16()) && attempt < TRIES => {}
                Ok(answer) => bail!(refusal(answer).await),
                Err(error) if attempt < TRIES => {
                    eprintln!("The service does not answer yet ({error}); trying again");
                }
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("{} does not answer; is the service running, and --url right?", self.base)
                    });
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        bail!("the service did not take the upload")
    }

    /// The batch as it stands.
    pub(crate) async fn batch(&self, id: &str) -> Result<Batch> {
        Ok(self
            .get(&format!("/api/v1/batches/{id}"), "application/json")
            .await?
            .json::<Wrapped>()
            .await?
            .batch)
    }

    /// Every row's result, in the order of the file.
    pub(crate) async fn each_result(
        &self,
        batch: &Batch,
        mut take: impl FnMut(ResultRow) -> Result<()>,
    ) -> Result<()> {
        let answer =
            self.get(&format!("/api/v1/batches/{}/results", batch.id), "application/x-ndjson").await?;
        let mut lines = std::pin::pin!(lines(answer.bytes_stream()));
        let mut seen = 0;
        while let Some(line) = lines.next().await {
            take(serde_json::from_str(&line?)?)?;
            seen += 1;
        }
        if seen < batch.total {
            bail!("the service gave {seen} of {} results; run the command again", batch.total);
        }
        Ok(())
    }

    async fn get(&self, path: &str, accept: &str) -> Result<reqwest::Response> {
        let mut pause = Duration::from_millis(250);
        for attempt in 1.. {
            let request =
                self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key).header("accept", accept);
            match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) if is_passing(answer.status().as_u16()) && attempt < TRIES => {}
                Ok(answer) => bail!(refusal(answer).await),
                Err(_) if attempt < TRIES => {}
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("{} does not answer any more; run the command again to go on", self.base)
                    });
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        bail!("the service did not answer")
    }
}

/// Too many requests, or the service is away: the same may work shortly.
const fn is_passing(status: u16) -> bool {
    matches!(status, 409 | 429 | 502 | 503 | 504)
}

/// What the service says is wrong, every part of it.
async fn refusal(answer: reqwest::Response) -> String {
    let status = answer.status();
    let Ok(problem) = answer.json::<Value>().await else { return format!("the service answered {status}") };
    let mut told = format!(
        "{}: {}",
        problem["title"].as_str().unwrap_or("refused"),
        problem["detail"].as_str().unwrap_or_default()
    );
    for error in problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .skip(usize::from(problem["errors"].as_array().is_some_and(|e| e.len() == 1)))
    {
        let (pointer, detail) =
            (error["pointer"].as_str().unwrap_or_default(), error["detail"].as_str().unwrap_or_default());
        let _ = write!(told, "\n  {pointer} {detail}");
    }
    if status.as_u16() == 401 {
        told.push_str("\nCheck --key (or CONVOKE_KEY).");
    }
    told
}

/// SHA-256 of terms and content, in hexadecimal.
async fn fingerprint(args: &RegisterArgs, input: &Input) -> Result<String> {
    let path = input.path.clone();
    let terms = format!(
        "{} {:?} {} {} {} {}",
        args.interview, args.merchant, args.send_email, args.test, args.hide_menu, args.hide_iframe
    );
    tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new_with_prefix(terms);
        let (mut file, mut buffer) = (std::fs::File::open(&path)?, vec![0; 1 << 16]);
        loop {
            match std::io::Read::read(&mut file, &mut buffer)? {
                0 => return Ok(format!("register-{}", hex::encode(hash.finalize()))),
                read => hash.update(&buffer[..read]),
            }
        }
    })
    .await?
}

/// Lines of a body, however it was cut.
fn lines<E: std::error::Error + Send + Sync + 'static>(
    body: impl Stream<Item = Result<impl AsRef<[u8]>, E>>,
) -> impl Stream<Item = Result<String>> {
    let body = Box::pin(body);
    futures_util::stream::unfold((body, Vec::<u8>::new()), |(mut body, mut rest)| async move {
        loop {
            if let Some(at) = rest.iter().position(|b| *b == b'\n') {
                let tail = rest.split_off(at + 1);
                rest.pop();
                let line = String::from_utf8(rest).map_err(anyhow::Error::from);
                return Some((line, (body, tail)));
            }
            match body.next().await {
                Some(Ok(bytes)) => rest.extend_from_slice(bytes.as_ref()),
                Some(Err(error)) => return Some((Err(error.into()), (body, Vec::new()))),
                None if rest.is_empty() => return None,
                None => {
                    let line = String::from_utf8(std::mem::take(&mut rest)).map_err(anyhow::Error::from);
                    return Some((line, (body, rest)));
                }
            }
        }
    })
}
