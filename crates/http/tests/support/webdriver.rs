//! A small WebDriver client (W3C WebDriver) for one headless Chromium.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const INSTALL: &str = "install the packages `chromium` and `chromium-driver` (Debian: apt-get install --no-install-recommends chromium chromium-driver)";
/// Key under which WebDriver puts an element's reference (§12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser window; closed when dropped.
pub struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port, and a browser of `width` × `height` px under it.
    pub fn start(width: u32, height: u32) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let driver = driver
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}); {INSTALL}"));
        let profile = tempfile::tempdir().unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(90)))
            .build()
            .into();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent,
            _profile: profile,
        };
        let patience = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < patience,
                "chromedriver does not listen on port {port}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        let args = [
            "--headless".into(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--disable-dev-shm-usage".into(),
            "--hide-scrollbars".into(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let args: Vec<String> = args.into();
        let wishes = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": args}}}});
        let reply = browser.call("POST", "", wishes);
        let id = reply["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("Chromium does not start: {reply}; {INSTALL}"));
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// Sends a command; returns its `value`.
    fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.session);
        let sent = match method {
            "GET" => self.agent.get(&url).call(),
            _ => self
                .agent
                .post(&url)
                .content_type("application/json")
                .send(body.to_string()),
        };
        let mut reply = sent.unwrap_or_else(|error| panic!("WebDriver {method} {path}: {error}"));
        let text = reply
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        value["value"].clone()
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: Value) -> Value {
        let value = self.call(method, path, body);
        assert!(
            value.get("error").is_none(),
            "WebDriver {method} {path}: {value}"
        );
        value
    }

    pub fn open(&self, url: &str) {
        self.command("POST", "/url", json!({ "url": url }));
    }

    /// Runs a script's body in the page and returns what it returns.
    #[track_caller]
    pub fn script(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/sync",
            json!({"script": script, "args": []}),
        )
    }

    /// Waits until the expression is true.
    #[track_caller]
    pub fn wait_for(&self, expression: &str) {
        let patience = Instant::now() + Duration::from_secs(30);
        while self.script(&format!("return Boolean({expression})")) != true {
            assert!(
                Instant::now() < patience,
                "never became true: {expression}\npage: {}",
                self.script("return document.body.innerText")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn element(&self, css: &str) -> String {
        let found = self.command(
            "POST",
            "/element",
            json!({"using": "css selector", "value": css}),
        );
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.command("POST", &format!("/element/{element}/click"), json!({}));
    }

    /// Types into an element; for a file input, the path of the file to choose.
    pub fn keys(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.command(
            "POST",
            &format!("/element/{element}/value"),
            json!({ "text": text }),
        );
    }

    /// Sends a command of the Chrome DevTools protocol.
    pub fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.command(
            "POST",
            "/goog/cdp/execute",
            json!({"cmd": name, "params": parameters}),
        )
    }

    /// The page as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        use base64::Engine as _;
        let shot = self.command("GET", "/screenshot", Value::Null);
        base64::prelude::BASE64_STANDARD
            .decode(shot.as_str().unwrap())
            .unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
