//! A headless Chromium for the candidate's page: how it looks on a phone, and whether its button works.
//!
//! Spoken to in the Chrome `DevTools` Protocol over two named pipes: JSON objects, each ended by a NUL.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe::{self, Receiver, Sender};

use crate::reaper;

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
    "--remote-debugging-pipe",
];

/// What the page is shown on.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// A touch screen that honours `<meta name="viewport">`.
    pub is_mobile: bool,
}

/// A small phone.
pub const PHONE: Screen = Screen { width: 360, height: 740, is_mobile: true };
/// A laptop.
pub const DESK: Screen = Screen { width: 1280, height: 800, is_mobile: false };

/// The browser's binary, where there is one.
#[must_use]
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|path| path.is_file())
}

/// A browser with one page. Ends when it is dropped.
pub struct Browser {
    child: Child,
    commands: Sender,
    answers: BufReader<Receiver>,
    session: Option<String>,
    last_id: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser whose page is on this screen and runs scripts, or does not.
    ///
    /// # Panics
    /// When no Chromium is installed, or it does not start.
    pub async fn start(screen: Screen, with_scripts: bool) -> Self {
        let binary = find().expect("no browser is here: install Chromium (Debian: `chromium`)");
        let profile = tempfile::tempdir().expect("a temporary folder");
        let (into, out) = (profile.path().join("in"), profile.path().join("out"));
        let made = Command::new("mkfifo").args([&into, &out]).status();
        assert!(made.is_ok_and(|status| status.success()), "`mkfifo` is on every Unix");
        // Opened for both directions, so that opening waits for nobody.
        let commands = pipe::OpenOptions::new().read_write(true).open_sender(&into).expect("a pipe");
        let answers = pipe::OpenOptions::new().read_write(true).open_receiver(&out).expect("a pipe");
        let child = Command::new("sh")
            .args(["-c", r#"into=$1 out=$2; shift 2; exec "$@" 3<"$into" 4>"$out""#, "sh"])
            .args([into.as_os_str(), out.as_os_str(), binary.as_os_str()])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`sh` is on every Unix");
        reaper::kill_at_end(child.id());
        let answers = BufReader::new(answers);
        let mut browser = Self { child, commands, answers, session: None, last_id: 0, _profile: profile };
        browser.show(screen, with_scripts).await;
        browser
    }

    async fn show(&mut self, screen: Screen, with_scripts: bool) {
        let target =
            self.call("Target.createTarget", json!({"url": "about:blank"})).await["targetId"].clone();
        let attached = self.call("Target.attachToTarget", json!({"targetId": target, "flatten": true})).await;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        self.call("Page.enable", json!({})).await;
        let Screen { width, height, is_mobile } = screen;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": is_mobile});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": !with_scripts})).await;
    }

    /// Opens a page and waits until it is loaded.
    pub async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.loaded().await;
    }

    /// Clicks in the middle of an element and waits until the page that follows is loaded.
    pub async fn click(&mut self, selector: &str) {
        let [x, y, width, height] = self.place_of(selector).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let (x, y) = (x + width / 2.0, y + height / 2.0);
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
        self.loaded().await;
    }

    /// The document as it stands.
    ///
    /// # Panics
    /// When there is none.
    pub async fn html(&mut self) -> String {
        let root = self.root().await;
        let html = self.call("DOM.getOuterHTML", json!({"nodeId": root})).await["outerHTML"].clone();
        html.as_str().expect("a document has HTML").to_owned()
    }

    /// Where an element is: left, top, width and height in CSS pixels.
    ///
    /// # Panics
    /// When there is no such element.
    pub async fn place_of(&mut self, selector: &str) -> [f64; 4] {
        let root = self.root().await;
        let node =
            self.call("DOM.querySelector", json!({"nodeId": root, "selector": selector})).await["nodeId"]
                .clone();
        assert_ne!(node, 0, "there is no {selector}");
        let model = self.call("DOM.getBoxModel", json!({"nodeId": node})).await["model"].clone();
        let number = |value: &Value| value.as_f64().expect("a box is made of numbers");
        [
            number(&model["border"][0]),
            number(&model["border"][1]),
            number(&model["width"]),
            number(&model["height"]),
        ]
    }

    /// How wide and high the whole page is, in CSS pixels.
    ///
    /// # Panics
    /// When the browser does not tell.
    pub async fn page_size(&mut self) -> (f64, f64) {
        let size = self.call("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let length = |name: &str| size[name].as_f64().expect("a page has a size");
        (length("width"), length("height"))
    }

    /// A PNG of what the screen shows.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn screenshot(&mut self, to: &Path) {
        let data = self.call("Page.captureScreenshot", json!({"format": "png"})).await["data"].clone();
        let png = STANDARD.decode(data.as_str().expect("a picture")).expect("the picture is base64");
        std::fs::write(to, png).expect("the picture can be written");
    }

    async fn root(&mut self) -> Value {
        self.call("DOM.getDocument", json!({"depth": 0})).await["root"]["nodeId"].clone()
    }

    /// Sends a command and gives its result; events that come in between are dropped.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let text = format!("{message}\0");
        self.commands.write_all(text.as_bytes()).await.expect("the browser listens");
        loop {
            let answer = self.message().await;
            if answer["id"] == self.last_id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    async fn loaded(&mut self) {
        while self.message().await["method"] != "Page.loadEventFired" {}
    }

    async fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        let read = self.answers.read_until(0, &mut bytes);
        let read =
            tokio::time::timeout(Duration::from_mins(1), read).await.expect("the browser answers in time");
        read.expect("the browser answers");
        serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes)).expect("the browser speaks JSON")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        reaper::forget(self.child.id());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "data:text/html,<meta name=viewport content='width=device-width'><div id=d>unscripted</div>\
        <script>d.textContent=innerWidth</script><form action='data:text/html,next'><button>go</button></form>";

    #[tokio::test]
    async fn a_page_is_as_wide_as_its_screen_and_runs_scripts_only_where_it_may() {
        if find().is_none() {
            println!("skipped: no Chromium here");
            return;
        }
        let mut page = Browser::start(PHONE, true).await;
        page.open(PAGE).await;
        assert!(page.html().await.contains(">360<"), "{}", page.html().await);
        let mut plain = Browser::start(PHONE, false).await;
        plain.open(PAGE).await;
        assert!(plain.html().await.contains("unscripted"));
        assert!(plain.place_of("button").await[2] > 0.0);
    }
}
