//! A headless Chromium for the candidate's page: what it renders, and how it looks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

/// A phone's window in CSS pixels. (Chromium's headless window is at least 500 wide; the page is shown in a frame.)
pub const PHONE: (u32, u32) = (390, 844);
/// A desk's window in CSS pixels.
pub const DESK: (u32, u32) = (1280, 800);

/// Background services of the browser that tests have no use for, and a sandbox that containers have no rights for.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// The browser's binary, where there is one.
#[must_use]
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|path| path.is_file())
}

/// The document after its scripts ran, as text.
pub async fn dump_dom(url: &str) -> String {
    run(&["--dump-dom", "--virtual-time-budget=3000", url]).await
}

/// A picture of the page in a window of this size.
pub async fn screenshot(url: &str, (width, height): (u32, u32), to: &Path) {
    let size = format!("--window-size={width},{height}");
    let file = format!("--screenshot={}", to.display());
    run(&[&size, &file, url]).await;
    assert!(to.is_file(), "the browser wrote no screenshot of {url}");
}

async fn run(args: &[&str]) -> String {
    let browser = find().expect("no browser is here: install Chromium (Debian: `chromium`)");
    let profile = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(browser);
    command
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(args)
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
    let output = output.expect("the browser ends within a minute").expect("the browser runs");
    assert!(output.status.success(), "the browser: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
