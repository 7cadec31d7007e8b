"""A headless Chromium through ChromeDriver (W3C WebDriver), with nothing but Python's standard library."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# Without these Chromium asks its maker for updates and for safe names at every start.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run",
         "--disable-domain-reliability", "--disable-default-apps", "--no-default-browser-check"]
HEADLESS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required",
            "--force-device-scale-factor=1"]
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014",
        "ArrowDown": "\ue015", "Tab": "\ue004", "Shift": "\ue008", "Space": " "}


class Gone(Exception):
    """Chromium or its driver is not installed."""


def programs():
    """Paths of Chromium and of its driver."""
    found = [next(filter(None, map(shutil.which, names)), None) for names in (("chromium", "chromium-browser", "google-chrome"), ("chromedriver",))]
    for path, name in zip(found, ("chromium", "chromedriver")):
        if path is None:
            raise Gone(f"{name} is not installed")
    return found


class Browser:
    def __init__(self, width=1440, height=900, scheme="light"):
        chromium, driver = programs()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self.driver = subprocess.Popen([driver, f"--port={port}", "--allowed-ips=127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        options = {"binary": chromium, "args": [*HEADLESS, *QUIET, f"--window-size={width},{height}", f"--user-data-dir={self.profile.name}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        try:
            self._wait_for_driver()
            self.session = ""
            self.session = "/session/" + self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            self.size(width, height)
            self.scheme(scheme)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if getattr(self, "session", ""):
                self._ask("DELETE", "")
        except OSError:
            pass
        self.driver.terminate()
        self.driver.wait(10)
        self.profile.cleanup()

    def _wait_for_driver(self):
        for _ in range(200):
            try:
                with urllib.request.urlopen(self.base + "/status", timeout=5) as answer:
                    if json.load(answer)["value"]["ready"]:
                        return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.05)
        raise OSError("chromedriver does not get ready within 10 s")

    def _ask(self, method, path, body=None):
        url = self.base + (self.session if path != "/session" else "") + path
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise AssertionError(f"{path}: {said['error']}: {said['message'].splitlines()[0]}") from None

    def cdp(self, command, **params):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def js(self, code, *args):
        """The value of a function body; it may `await`."""
        body = f"const done = arguments[arguments.length - 1]; (async (...args) => {{ {code} }})(...[...arguments].slice(0, -1)).then((value) => done({{ value }}), (error) => done({{ error: String(error) }}))"
        answer = self._ask("POST", "/execute/async", {"script": body, "args": list(args)})
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer.get("value")

    def until(self, what, code, *args, seconds=10):
        """Waits until the expression is true."""
        end = time.monotonic() + seconds
        while not (value := self.js(f"return {code}", *args)):
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {seconds} s")
            time.sleep(0.02)
        return value

    def keys(self, *names):
        """Presses keys one after the other; `Shift+x` holds Shift."""
        actions = []
        for name in names:
            held = name.startswith("Shift+")
            key = name.removeprefix("Shift+")
            press = [{"type": "keyDown", "value": KEYS.get(key, key)}, {"type": "keyUp", "value": KEYS.get(key, key)}]
            actions += [{"type": "keyDown", "value": KEYS["Shift"]}, *press, {"type": "keyUp", "value": KEYS["Shift"]}] if held else press
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def point(self, x, y, click=False):
        """Moves the pointer, in pixels of the window."""
        actions = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}]
        if click:
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def point_at(self, selector, part=(0.5, 0.5), click=False):
        """Moves the pointer to a part of an element, which is scrolled to first."""
        box = self.js("""const e = document.querySelector(args[0]); if (!e) throw `no ${args[0]}`; e.scrollIntoView({ block: "center" });
            await new Promise(requestAnimationFrame); const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]""", selector)
        self.point(box[0] + box[2] * part[0], box[1] + box[3] * part[1], click)

    def shot(self, file, whole=False):
        picture = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(file, "wb") as out:
            out.write(base64.b64decode(picture["data"]))

    def complaints(self):
        """What the console was told since it was last asked, of any level."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """Every address that was asked for since this was last called."""
        messages = [json.loads(entry["message"])["message"] for entry in self._ask("POST", "/se/log", {"type": "performance"})]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
