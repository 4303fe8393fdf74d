"""Claims that every web page of one file keeps: whole in itself, and readable on a phone."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import BROWSERS, PHONE

PROBE = """<!DOCTYPE html><body><iframe id="page" style="width:%dpx;height:800px"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => {
  const inside = frame.contentDocument, root = inside.documentElement;
  const missing = [...inside.images].filter(each => !each.complete || !each.naturalWidth);
  document.title = "pictures " + inside.images.length + ", missing " + missing.length
      + ", wide " + (root.scrollWidth > frame.clientWidth);
};
frame.srcdoc = %s;
</script></body>"""


class WebPage(HTMLParser):
    """A page with its tags, its addresses, and its pictures in base64."""

    def __init__(self, text: str):
        super().__init__()
        self.text, self.tags, self.pictures, self.addresses = text, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        if tag == "img":
            assert values["alt"]
            head, data = values["src"].split(",")
            assert head in ("data:image/png;base64", "data:image/jpeg;base64")
            self.pictures.append(data)
        self.addresses += [values[name] for name in ("src", "href", "srcset", "action")
                           if name in values]

    def check_whole(self) -> None:
        """Checks that nothing comes from elsewhere, that no script runs, and that tags close."""
        assert all(address.startswith("data:") for address in self.addresses)
        assert not {"script", "iframe", "object", "embed", "form"} & set(self.tags)
        assert "url(" not in self.text and "@import" not in self.text
        for tag in ("table", "figure", "div", "tr", "td", "th", "p", "small"):
            assert len(re.findall(f"<{tag}[ >]", self.text)) == self.text.count(f"</{tag}>")

    def check_in_browser(self, folder: Path) -> None:
        """Checks that a browser shows every picture on a phone, no wider than it, and no error."""
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            pytest.skip(f"there is no browser here: none of {', '.join(BROWSERS)}")
        probe = folder / "probe.html"
        probe.write_text(PROBE % (PHONE, json.dumps(self.text).replace("</", "<\\/")))
        shown = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
             f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000", "--dump-dom",
             probe.as_uri()], capture_output=True, text=True, timeout=120)
        title = re.search("<title>(.*?)</title>", shown.stdout)
        assert title and title[1] == f"pictures {len(self.pictures)}, missing 0, wide false"
        assert "CONSOLE" not in shown.stderr
