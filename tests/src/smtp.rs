//! A mail server for tests: takes mail, remembers it, and misbehaves as its [`Script`] says.
//!
//! `session` is the conversation on one connection.

mod script;
mod session;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use self::script::{At, Rule, Script};

/// An SMTP server on a port of 127.0.0.1 that nobody else has. Stops when dropped.
#[derive(Debug)]
pub struct SmtpSink {
    address: SocketAddr,
    state: Arc<State>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

/// A mail that was taken; also one whose acceptance the client never heard of.
#[derive(Clone, Debug)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// With its angle brackets; empty where the mail has none.
    pub message_id: String,
    /// When the final dot came.
    pub at: DateTime<Utc>,
    /// Which connection it came over, counted from 1.
    pub connection: u64,
    /// The mail as it stood on the wire, dot-stuffing removed; empty with `keep_raw: false`.
    pub raw: String,
}

/// How many connections there are and were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Now.
    pub open: u64,
    /// At most at any one time.
    pub most: u64,
    /// Ever.
    pub total: u64,
}

/// Waited in vain.
#[derive(Debug)]
pub struct TooFew {
    /// Mails that came in time.
    pub came: u64,
}

/// What the connections share.
#[derive(Debug)]
struct State {
    script: Mutex<Arc<Script>>,
    mails: Mutex<Vec<Received>>,
    connections: Mutex<Connections>,
    count: watch::Sender<u64>,
}

impl SmtpSink {
    /// Starts a server that takes everything.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Script::default()).await
    }

    /// Starts a server that follows a script.
    pub async fn start_with(script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            script: Mutex::new(Arc::new(script)),
            mails: Mutex::default(),
            connections: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let running = tokio::spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, listener: Mutex::new(Some(running)) })
    }

    /// `smtp://127.0.0.1:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Follows another script from the next command on. Counted rules begin anew.
    pub fn script(&self, script: Script) {
        *lock(&self.state.script) = Arc::new(script);
    }

    /// Everything that was taken, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<Received> {
        lock(&self.state.mails).clone()
    }

    /// How many were taken.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.state.count.borrow()
    }

    /// Forgets what was taken.
    pub fn forget(&self) {
        lock(&self.state.mails).clear();
        self.state.count.send_replace(0);
    }

    /// Waits until `count` mails were taken, however many there are then.
    pub async fn wait_for(&self, count: u64, deadline: Duration) -> Result<(), TooFew> {
        let mut counts = self.state.count.subscribe();
        let enough = timeout(deadline, counts.wait_for(|came| *came >= count)).await;
        match enough {
            Ok(Ok(_)) => Ok(()),
            _ => Err(TooFew { came: self.count() }),
        }
    }

    /// Open connections, now and at most and ever.
    #[must_use]
    pub fn connections(&self) -> Connections {
        *lock(&self.state.connections)
    }

    /// Dies: connections break off, new ones are refused. What was taken is kept.
    pub async fn stop(&self) {
        let running = lock(&self.listener).take();
        if let Some(running) = running {
            running.abort();
            // The port is free, and the connections are closed, once the task is gone.
            let _cancelled = running.await;
        }
    }

    /// Comes back on the same port.
    pub async fn start_again(&self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        *lock(&self.listener) = Some(tokio::spawn(serve(listener, Arc::clone(&self.state))));
        Ok(())
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        if let Some(running) = lock(&self.listener).take() {
            running.abort();
        }
    }
}

impl State {
    fn script(&self) -> Arc<Script> {
        Arc::clone(&lock(&self.script))
    }

    fn take(&self, mail: Received) {
        lock(&self.mails).push(mail);
        self.count.send_modify(|count| *count += 1);
    }

    /// The new connection's number.
    fn opened(&self) -> u64 {
        let mut connections = lock(&self.connections);
        connections.total += 1;
        connections.open += 1;
        connections.most = connections.most.max(connections.open);
        connections.total
    }

    fn closed(&self) {
        lock(&self.connections).open -= 1;
    }
}

/// Aborting this task drops the set, and with it every connection.
async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted {
                    connections.spawn(session::run(socket, Arc::clone(&state)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
