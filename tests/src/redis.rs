//! A private Redis on a random port: started, killed, stalled and restarted at will, gone when it is dropped.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::reaper;

/// How long a server may take to answer its first PING.
const START: Duration = Duration::from_secs(15);

/// A Redis server of a test's own, which appends to a file once a second and saves nothing else.
#[derive(Debug)]
pub struct Redis {
    /// `redis://127.0.0.1:port`
    pub url: String,
    port: u16,
    folder: TempDir,
    args: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    /// A single server.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A single server with more arguments, such as `["--maxmemory", "4mb"]`.
    pub async fn start_with(args: &[&str]) -> Self {
        Self::started(args).await.expect("redis-server is installed and starts")
    }

    /// A cluster of one node that has all slots.
    pub async fn start_cluster() -> Self {
        let bus = free_port().expect("a port is free").to_string();
        let redis = Self::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
        redis.cli(&["cluster", "addslotsrange", "0", "16383"]).await;
        let deadline = Instant::now() + START;
        while !redis.cli(&["cluster", "info"]).await.contains("cluster_state:ok") {
            assert!(Instant::now() < deadline, "the cluster does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        redis
    }

    /// A sentinel that watches `master` under the name `service`. Its `url` is plain; a sentinel URL is made from
    /// [`Redis::port`].
    pub async fn start_sentinel(master: &Self, service: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "sentinel monitor {service} 127.0.0.1 {} 1\nsentinel down-after-milliseconds {service} 1000\n\
             sentinel failover-timeout {service} 5000\n",
            master.port
        );
        std::fs::write(&file, text).expect("the folder can be written to");
        let file = file.to_str().expect("a temporary folder has a plain name").to_owned();
        Self::launch(folder, vec![file, "--sentinel".to_owned()]).await.expect("a sentinel starts")
    }

    /// A server that is not started yet, for whoever wants to see it absent. [`Redis::restart`] starts it.
    #[must_use]
    pub fn absent() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self::described(folder, data_args(&[])).expect("a port is free")
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL: no last words, and up to a second of writes lost.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id();
            child.kill().await.expect("a child can be killed");
            pid.into_iter().for_each(reaper::forget);
        }
    }

    /// Starts it on the same port with the same files.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.run().await.expect("redis-server starts again");
    }

    /// SIGSTOP: connections stay open, nothing answers.
    pub async fn stall(&self) {
        self.signal("-STOP").await;
    }

    /// SIGCONT.
    pub async fn go_on(&self) {
        self.signal("-CONT").await;
    }

    /// What redis-cli prints for a command, without the line end.
    pub async fn cli(&self, args: &[&str]) -> String {
        let port = self.port.to_string();
        let output =
            Command::new("redis-cli").args(["-h", "127.0.0.1", "-p", &port]).args(args).output().await;
        let output = output.expect("redis-cli is installed");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Bytes in use, as the server counts them.
    pub async fn used_memory(&self) -> u64 {
        let info = self.cli(&["info", "memory"]).await;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used.and_then(|used| used.trim().parse().ok()).expect("INFO tells the used memory")
    }

    async fn started(args: &[&str]) -> Result<Self> {
        // Another process may take the port between our look and the server's start.
        let mut last = None;
        for _ in 0..3 {
            match Self::launch(TempDir::new()?, data_args(args)).await {
                Ok(redis) => return Ok(redis),
                Err(error) => last = Some(error),
            }
        }
        last.map_or_else(|| bail!("not tried"), Err)
    }

    async fn launch(folder: TempDir, args: Vec<String>) -> Result<Self> {
        let mut redis = Self::described(folder, args)?;
        redis.run().await?;
        Ok(redis)
    }

    fn described(folder: TempDir, args: Vec<String>) -> Result<Self> {
        let port = free_port()?;
        Ok(Self { url: format!("redis://127.0.0.1:{port}"), port, folder, args, child: None })
    }

    async fn run(&mut self) -> Result<()> {
        let mut child = Command::new("redis-server")
            .args(&self.args)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("redis-server does not start; is it installed?")?;
        child.id().into_iter().for_each(reaper::kill_at_end);
        let deadline = Instant::now() + START;
        while self.cli(&["ping"]).await != "PONG" {
            if let Some(status) = child.try_wait()? {
                bail!("redis-server ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("redis-server does not answer");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.child = Some(child);
        Ok(())
    }

    async fn signal(&self, signal: &str) {
        let child = self.child.as_ref().and_then(Child::id).expect("the server runs");
        let sent = Command::new("kill").args([signal, &child.to_string()]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal} failed");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The runtime kills the child and reaps it; a reaped pid may be another process's soon.
        self.child.as_ref().and_then(Child::id).into_iter().for_each(reaper::forget);
    }
}

fn data_args(more: &[&str]) -> Vec<String> {
    let own = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
    own.iter().chain(more).map(ToString::to_string).collect()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
