//! One service to test against, in either of its two environments.

use std::ops::Deref;
use std::time::Duration;

use crate::mailbox::{self, Mail};
use crate::{Convoke, Stack, until};

/// A running service with workers: embedded, or on PostgreSQL, Redis and SMTP.
pub struct Env {
    /// The service.
    pub convoke: Convoke,
    /// What it stands on; nothing in the embedded default.
    pub stack: Option<Stack>,
}

impl Env {
    /// The embedded default.
    pub async fn embedded() -> Self {
        Self { convoke: Convoke::embedded().start().await, stack: None }
    }

    /// PostgreSQL, Redis and SMTP.
    pub async fn postgres() -> Self {
        let stack = Stack::start().await;
        Self { convoke: Convoke::on(&stack).start().await, stack: Some(stack) }
    }

    /// All mail so far, oldest first: as the mail server got it, or as it was captured.
    pub async fn mails(&self) -> Vec<Mail> {
        match &self.stack {
            Some(stack) => mailbox::received(&stack.smtp),
            None => mailbox::captured(&self.convoke).await,
        }
    }

    /// Waits for `count` mails in all, and gives them.
    ///
    /// # Panics
    /// When fewer came in time, or more.
    pub async fn wait_for_mails(&self, count: usize) -> Vec<Mail> {
        let mails = until(&format!("{count} mails"), Duration::from_mins(1), async || {
            let mails = self.mails().await;
            (mails.len() >= count).then_some(mails)
        })
        .await;
        assert_eq!(mails.len(), count, "more mails than asked for");
        mails
    }
}

impl Deref for Env {
    type Target = Convoke;

    fn deref(&self) -> &Convoke {
        &self.convoke
    }
}

/// Runs one test body in both environments: `both!(async fn name(t: &Env) { … });` gives the tests
/// `name::embedded` and `name::postgres`.
#[macro_export]
macro_rules! both {
    ($(#[$meta:meta])* async fn $name:ident($env:ident: $type:ty) $body:block) => {
        $(#[$meta])*
        async fn $name($env: $type) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                super::$name(&$crate::Env::embedded().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(&$crate::Env::postgres().await).await;
            }
        }
    };
}
