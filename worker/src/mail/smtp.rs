//! The SMTP client: a bounded set of connections, reused, over which letters go out.
//!
//! `options` reads the URL, `session` is one connection and the conversation on it, `tls` the encrypted socket.

mod options;
mod session;
mod tls;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lettre::address::Address;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use self::options::Server;
pub use self::options::{SmtpOptions, SmtpUrlError};
use self::session::{Attempt, Session};
use super::letter::Letter;
use super::verdict::Verdict;

/// An idle connection is closed after this long; servers hang up on their own after a few minutes at most.
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// Servers and balancers dislike connections that never end.
const MAILS_PER_CONNECTION: u32 = 1_000;

/// Sends letters. A clone shares the connections.
#[derive(Clone)]
pub struct SmtpClient {
    pool: Arc<Pool>,
}

/// `permits` bounds the senders, and a sender opens a connection only when none is idle, so open connections,
/// idle and busy together, never outnumber the permits.
struct Pool {
    server: Server,
    permits: Semaphore,
    /// The one used last stands last and is taken first; the front grows old.
    idle: Mutex<Vec<Session>>,
    reaping: AtomicBool,
}

impl SmtpClient {
    /// Reads the options; connects to nothing yet.
    pub fn new(options: SmtpOptions) -> Result<Self, SmtpUrlError> {
        let permits = Semaphore::new(options.connections.max(1));
        let pool = Pool {
            server: Server::parse(options)?,
            permits,
            idle: Mutex::default(),
            reaping: AtomicBool::new(false),
        };
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Makes one attempt, waiting for a connection to be free where all are in use.
    ///
    /// A connection that the server closed while it was idle is replaced once, without anybody noticing. After the
    /// mail was handed over nothing is repeated here. Dropping the future closes its connection.
    pub async fn send(&self, letter: &Letter) -> Verdict {
        let parcel = match Parcel::of(letter) {
            Ok(parcel) => parcel,
            Err(error) => return Verdict::Failed { error },
        };
        let Ok(_permit) = self.pool.permits.acquire().await else {
            return Verdict::deferred("the mail client is closed");
        };
        if let Some(session) = self.pool.take() {
            match session.deliver(&parcel).await {
                Attempt::Over { verdict, session } => return self.pool.put_back(verdict, session),
                Attempt::Stale => {}
            }
        }
        match Session::open(&self.pool.server).await {
            Ok(session) => match session.deliver(&parcel).await {
                Attempt::Over { verdict, session } => self.pool.put_back(verdict, session),
                Attempt::Stale => {
                    Verdict::deferred("the server closed the connection before it took the mail")
                }
            },
            Err(verdict) => verdict,
        }
    }

    /// Connects, encrypts, signs in and says goodbye, as sending does; tells what it found, or what is wrong.
    pub async fn check(&self) -> Result<String, String> {
        match Session::open(&self.pool.server).await {
            Ok(session) => {
                let found = session.describe();
                session.quit().await;
                Ok(found)
            }
            Err(verdict) => Err(verdict.error().unwrap_or("unknown").to_owned()),
        }
    }

    /// Says goodbye on every idle connection. Attempts under way end as they would; none begins after.
    pub async fn close(&self) {
        self.pool.permits.close();
        let idle: Vec<_> = self.pool.idle().drain(..).collect();
        futures_util::future::join_all(idle.into_iter().map(Session::quit)).await;
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Session> {
        let mut idle = self.idle();
        let session = idle.pop().filter(|session| session.idle_since().elapsed() < LONGEST_IDLE);
        if session.is_none() {
            // The freshest was too old, so all are.
            idle.clear();
        }
        session
    }

    fn put_back(self: &Arc<Self>, verdict: Verdict, session: Option<Session>) -> Verdict {
        let Some(session) = session else { return verdict };
        if self.permits.is_closed() || session.mails() >= MAILS_PER_CONNECTION {
            tokio::spawn(session.quit());
            return verdict;
        }
        self.idle().push(session);
        if !self.reaping.swap(true, Ordering::AcqRel) {
            tokio::spawn(reap(Arc::downgrade(self)));
        }
        verdict
    }

    /// The sessions that are too old to be used, and when the next will be.
    fn expire(&self) -> (Vec<Session>, Option<Instant>) {
        let mut idle = self.idle();
        let old = idle.iter().take_while(|session| session.idle_since().elapsed() >= LONGEST_IDLE).count();
        let expired = idle.drain(..old).collect();
        let next = idle.first().map(|session| session.idle_since() + LONGEST_IDLE);
        if next.is_none() {
            self.reaping.store(false, Ordering::Release);
        }
        (expired, next)
    }
}

/// Closes connections that nobody needs any more; ends when none is left, or the client is gone.
async fn reap(pool: Weak<Pool>) {
    loop {
        let Some((expired, next)) = pool.upgrade().map(|pool| pool.expire()) else { return };
        for session in expired {
            session.quit().await;
        }
        let Some(next) = next else { return };
        sleep_until(next).await;
    }
}

/// A letter in wire form, with its envelope.
struct Parcel {
    from: Address,
    to: Address,
    /// Dot-stuffed, with the final dot.
    content: String,
}

impl Parcel {
    fn of(letter: &Letter) -> Result<Self, String> {
        let address = |raw: &str| raw.parse::<Address>().map_err(|error| error.to_string());
        Ok(Self {
            from: address(letter.from.as_str())?,
            to: address(letter.to.as_str())?,
            content: stuffed(letter.format().map_err(|error| error.to_string())?)?,
        })
    }
}

/// RFC 5321 section 4.5.2: a dot at a line's beginning is doubled, and a lone one ends the mail.
fn stuffed(mail: Vec<u8>) -> Result<String, String> {
    let mail = String::from_utf8(mail).map_err(|_| "the mail is not 7-bit clean".to_owned())?;
    let mut mail = if mail.contains("\n.") { mail.replace("\n.", "\n..") } else { mail };
    mail.push_str(if mail.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" });
    Ok(mail)
}

impl fmt::Debug for SmtpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpClient").field("server", &self.pool.server).finish_non_exhaustive()
    }
}
