// What can be done with the page that is shown: strokes, how it is coloured, downloads.

import { blob } from "./api.js";
import { isReadable, isUnderWay } from "./desk.js";

const one = (id) => document.getElementById(id);
const SWATCHES = { Skin: "#f2c29b", Red: "#d9482b", Orange: "#ee9a2d", Yellow: "#f5d547",
  Green: "#5fa052", Sky: "#7cc0ea", Blue: "#2f5fc4", Violet: "#8455b5", Brown: "#7b4a2a" };
const SETTLED = 250; // milliseconds after a stroke in which another may begin
const SUFFIX = /\.[^.]*$/;

export class Panel {
  #page = null;
  #filling = 0; // the timer of the next filling
  #usual = null; // the model's own saturation

  // `strokes` are those of the page, `tell(text)` shows what went wrong.
  constructor(desk, strokes, tell) {
    this.desk = desk;
    this.strokes = strokes;
    this.tell = tell;
    this.#makeSwatches();
    one("draw").onclick = () => this.draw(one("tools").hidden);
    one("undo").onclick = () => strokes.undo();
    one("clear").onclick = () => strokes.clear();
    one("apply").onclick = one("again").onclick = () => {
      one("stage").scrollIntoView({ block: "nearest" }); // a small screen has it above
      this.#again([this.#page]);
    };
    one("all").onclick = () => this.#again(desk.pages.filter(isReadable));
    for (const id of ["lock", "tones", "paper", "saturation", "treat"]) {
      one(id).onchange = () => this.#choose();
    }
    one("own").onclick = () => this.#save("colored", nameOf(this.#page));
    one("png").onclick = () => this.#save("colored?format=png", nameOf(this.#page, ".png"));
    one("layers").onclick = () => this.#save("layers", nameOf(this.#page, ".ora"));
    one("cbz").onclick = () => this.#saveBook();
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  // Offers to set the saturation of a model, whose own it tells; null where it has none.
  offerSaturation(usual) {
    this.#usual = usual;
    one("vivid").hidden = usual === null;
    if (usual === null) return;
    one("saturation").value = this.#page?.saturation ?? this.#rounded();
  }

  // Fits what is offered to a page and how far it is.
  show(page) {
    const changed = page !== this.#page;
    this.#page = page;
    const done = page?.state === "done";
    const known = Boolean(page) && isReadable(page);
    if (changed && known) {
      one("lock").value = page.lock ?? "";
      one("tones").value = page.tones ?? "keep";
      one("paper").value = page.paper ?? "keep";
      one("saturation").value = page.saturation ?? this.#rounded();
      one("treat").value = page.treat_as ?? "";
      this.#choose();
    }
    const format = page?.format;
    one("own").hidden = !format || format === "PNG";
    one("own").textContent = format ?? "";
    for (const id of ["own", "png", "layers"]) one(id).disabled = !done;
    one("layers").disabled ||= page?.kind === "color";
    for (const id of ["draw", "again"]) one(id).disabled = !known;
    const pages = page?.book.pages ?? [];
    one("cbz").disabled = pages.some(isUnderWay) || !pages.some((each) => each.state === "done");
    this.offer();
  }

  // Enables what the strokes there are allow.
  offer() {
    const some = this.strokes.list.length > 0;
    one("undo").disabled = one("clear").disabled = !some;
    one("apply").disabled = !(some || this.#page?.hints);
  }

  // Fills the regions of a printed page as soon as a stroke has ended.
  fill() {
    clearTimeout(this.#filling);
    const page = this.#page;
    if (page?.rule !== "flat") return;
    this.#filling = setTimeout(() => this.#again([page]), SETTLED);
  }

  // Begins or ends drawing.
  draw(on) {
    one("tools").hidden = one("strokes").hidden = !on;
    one("draw").setAttribute("aria-expanded", on);
    one("draw").textContent = on ? "Stop drawing" : "Draw strokes";
    document.body.classList.toggle("drawing", on);
  }

  #choose() {
    const lock = one("lock").value;
    one("tones").disabled = lock !== ""; // another rule shows them as they are
    const saturation = this.#usual === null ? "" : one("saturation").value;
    this.desk.settings = { lock, tones: lock ? "" : one("tones").value, paper: one("paper").value,
      treat_as: one("treat").value,
      saturation: Number(saturation) === this.#rounded() ? "" : saturation };
  }

  // The place of the slider where the model's own saturation is.
  #rounded() {
    const { min, max } = one("saturation");
    return Math.min(max, Math.max(min, Math.round(10 * this.#usual) / 10));
  }

  async #again(pages) {
    await this.#tried(one("apply"), async () => {
      for (const page of pages) await this.desk.again(page, await this.strokes.file(page));
    });
  }

  async #save(path, name) {
    const at = `books/${this.#page.book.id}/pages/${this.#page.number}`;
    await this.#tried(one("downloads"), async () => save(await blob(`${at}/${path}`), name));
  }

  async #saveBook() {
    const { id, name } = this.#page.book;
    await this.#tried(one("downloads"), async () => {
      save(await blob(`books/${id}/book.cbz`), `${name.replace(SUFFIX, "")}.cbz`);
    });
  }

  async #tried(place, work) {
    place.setAttribute("aria-busy", "true");
    this.tell("");
    try {
      await work();
    } catch (error) {
      this.tell(error.message);
    } finally {
      place.removeAttribute("aria-busy");
    }
  }

  #makeSwatches() {
    one("swatches").append(...Object.entries(SWATCHES).map(([name, color]) => {
      const swatch = document.createElement("button");
      swatch.type = "button";
      swatch.title = name;
      swatch.setAttribute("aria-label", name);
      swatch.style.backgroundColor = color;
      swatch.onclick = () => {
        one("color").value = color;
        document.querySelector("[name=tool][value=brush]").checked = true;
      };
      return swatch;
    }));
  }

  #key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (!isUndo || one("tools").hidden || event.target.matches("[type=password]")) return;
    event.preventDefault();
    this.strokes.undo();
  }
}

function nameOf(page, suffix) {
  const name = page.name.split(/[/\\]/).at(-1);
  return suffix ? name.replace(SUFFIX, "") + suffix : name;
}

function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by then it is being saved
}
