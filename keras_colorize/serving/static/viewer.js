// Shows a page before and after with a divider between, and zooms it.

import { blob } from "./api.js";
import { isReadable } from "./desk.js";

const one = (id) => document.getElementById(id);
const LARGEST = 4; // screen pixels for one of the page

export class Viewer {
  page = null;
  #shown = { before: "", after: "" }; // what the two pictures are of
  #zoom = 1; // 1 fits the page into the stage

  constructor() {
    this.stage = one("stage");
    this.frame = one("frame");
    one("cut").oninput = () => this.#cut();
    this.stage.addEventListener("scroll", () => this.#cut());
    new ResizeObserver(() => this.#lay()).observe(this.stage);
    one("zoom").onclick = (event) => this.#press(event.target.dataset.zoom);
    this.stage.onkeydown = (event) => {
      const how = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "own" }[event.key];
      if (how && !event.ctrlKey && !event.metaKey) this.#press(how);
    };
    this.stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
    }, { passive: false });
    this.#listenForDragging();
  }

  // Shows a page as far as it is; again whenever it changes.
  async show(page) {
    if (page !== this.page) {
      this.#empty("before");
      this.#empty("after");
      this.#zoom = 1;
    }
    this.page = page;
    this.#lay();
    if (!page || !isReadable(page)) return;
    const at = `books/${page.book.id}/pages/${page.number}`;
    const loads = [this.#load("before", `${at}/original`)];
    if (page.state === "done") loads.push(this.#load("after", `${at}/colored?view&v=${page.changed}`));
    await Promise.all(loads);
    this.#lay();
  }

  // The colour of a point of the screen, as #rrggbb; of what is shown there.
  colorAt(x, y) {
    const box = this.frame.getBoundingClientRect();
    const picture = x < this.#cutPlace() || !this.#isReady("after") ? one("before") : one("after");
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d");
    const left = (x - box.left) / box.width * picture.naturalWidth;
    const top = (y - box.top) / box.height * picture.naturalHeight;
    context.drawImage(picture, Math.floor(left), Math.floor(top), 1, 1, 0, 0, 1, 1);
    const bytes = context.getImageData(0, 0, 1, 1).data.slice(0, 3);
    return `#${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  // The pixel of the page at a point of the screen: its column and row.
  pixelAt(x, y) {
    const box = this.frame.getBoundingClientRect();
    const { naturalWidth, naturalHeight } = one("before");
    const within = (share, length) => Math.min(length - 1, Math.max(0, Math.floor(share * length)));
    return [within((x - box.left) / box.width, naturalWidth),
      within((y - box.top) / box.height, naturalHeight)];
  }

  // Zooms about a point of the screen, which stays where it is; else about the middle.
  zoomBy(factor, x, y) {
    const stage = this.stage.getBoundingClientRect();
    const before = this.frame.getBoundingClientRect();
    const [atX, atY] = [x ?? stage.left + stage.width / 2, y ?? stage.top + stage.height / 2];
    const across = (atX - before.left) / before.width;
    const down = (atY - before.top) / before.height;
    const most = Math.max(1, LARGEST / this.#fit());
    this.#zoom = Math.min(most, Math.max(1, this.#zoom * factor));
    this.#lay();
    const after = this.frame.getBoundingClientRect();
    this.pan(after.left + across * after.width - atX, after.top + down * after.height - atY);
  }

  // Shows the page as it is coloured, all of it.
  uncover() {
    one("cut").value = 0;
    this.#cut();
  }

  pan(x, y) {
    this.stage.scrollLeft += x;
    this.stage.scrollTop += y;
  }

  #press(how) {
    if (how === "in") this.zoomBy(1.25);
    if (how === "out") this.zoomBy(0.8);
    if (how === "fit") this.zoomBy(1 / this.#zoom);
    if (how === "own") this.zoomBy(1 / this.#fit() / this.#zoom);
  }

  async #load(which, path) {
    if (this.#shown[which] === path) return;
    this.#shown[which] = path;
    const address = URL.createObjectURL(await blob(path));
    const image = one(which);
    const fresh = new Image();
    fresh.src = address;
    await fresh.decode().catch(() => {});
    if (this.#shown[which] !== path) return URL.revokeObjectURL(address); // another was chosen
    URL.revokeObjectURL(image.src);
    image.src = address;
    image.alt = `${this.page.name}, ${which === "before" ? "as it was" : "coloured"}`;
    await image.decode().catch(() => {});
    this.#lay();
  }

  #empty(which) {
    URL.revokeObjectURL(one(which).src);
    one(which).removeAttribute("src");
    one(which).alt = "";
    this.#shown[which] = "";
  }

  #isReady(which) {
    return one(which).hasAttribute("src") && one(which).naturalWidth > 0;
  }

  #fit() {
    const picture = one("before");
    const { clientWidth, clientHeight } = this.stage;
    return Math.min(1, clientWidth / picture.naturalWidth, clientHeight / picture.naturalHeight) || 1;
  }

  #lay() {
    const ready = this.#isReady("before");
    this.frame.hidden = !ready;
    for (const id of ["compare", "zoom"]) one(id).classList.toggle("off", !ready);
    one("after").hidden = !this.#isReady("after");
    one("cut").disabled = one("after").hidden;
    one("divider").hidden = one("after").hidden;
    if (!ready) return;
    const scale = this.#fit() * this.#zoom;
    this.frame.style.width = `${Math.round(one("before").naturalWidth * scale)}px`;
    one("percent").textContent = `${Math.round(100 * scale)} %`;
    this.stage.classList.toggle("zoomed", this.#zoom > 1.001);
    this.#cut();
  }

  // Where on the screen the divider stands: across that part of the page that is seen.
  #cutPlace() {
    const stage = this.stage.getBoundingClientRect();
    const frame = this.frame.getBoundingClientRect();
    const left = Math.max(stage.left, frame.left);
    const right = Math.min(stage.left + this.stage.clientWidth, frame.right);
    return left + (right - left) * one("cut").value / 100;
  }

  #cut() {
    const frame = this.frame.getBoundingClientRect();
    const place = this.#cutPlace();
    one("after").style.clipPath = `inset(0 0 0 ${place - frame.left}px)`;
    const around = this.stage.offsetParent.getBoundingClientRect();
    const stage = this.stage.getBoundingClientRect();
    const divider = one("divider").style;
    divider.left = `${place - around.left}px`;
    divider.top = `${Math.max(frame.top, stage.top) - around.top}px`;
    divider.height = `${Math.min(frame.height, this.stage.clientHeight)}px`;
    one("cut").setAttribute("aria-valuetext", `${one("cut").value} % before`);
  }

  // The divider is dragged, or a page that is larger than the stage.
  #listenForDragging() {
    const follow = (target, move) => {
      target.addEventListener("pointerdown", (event) => {
        if (event.button || event.target.closest("canvas")) return;
        if (target === this.stage && event.pointerType !== "mouse") return; // the browser scrolls
        target.setPointerCapture(event.pointerId);
        move(event, true);
      });
      target.addEventListener("pointermove", (event) => {
        if (target.hasPointerCapture(event.pointerId)) move(event, false);
      });
    };
    follow(one("divider"), (event) => this.#cutAt(event.clientX));
    follow(this.stage, (event, first) => {
      if (this.#zoom > 1.001) {
        if (!first) this.pan(-event.movementX, -event.movementY);
      } else this.#cutAt(event.clientX);
    });
  }

  #cutAt(x) {
    const frame = this.frame.getBoundingClientRect();
    const stage = this.stage.getBoundingClientRect();
    const left = Math.max(stage.left, frame.left);
    const right = Math.min(stage.right, frame.right);
    one("cut").value = Math.round(100 * (x - left) / (right - left));
    this.#cut();
  }
}
