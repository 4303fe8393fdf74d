// What can be done with the page that is shown: strokes, how it is coloured, downloads.

import { blob, request } from "./api.js";
import { isReadable, isUnderWay } from "./desk.js";
import { Likely } from "./likely.js";
import { isReference, lightOf, Moods, referenceTo, wishOf } from "./moods.js";
import { Swatches, swatchOf } from "./swatches.js";

const one = (id) => document.getElementById(id);
const SWATCHES = { Skin: "#f2c29b", Red: "#d9482b", Orange: "#ee9a2d", Yellow: "#f5d547",
  Green: "#5fa052", Sky: "#7cc0ea", Blue: "#2f5fc4", Violet: "#8455b5", Brown: "#7b4a2a" };
const LIVE = 3; // seconds that a page shows as it was, while it follows a stroke
const OWN = ["lock", "tones", "paper", "treat_as", "saturation"]; // of a page, besides its mood
const VIVID = 3; // the most that the slider offers, unless there is more already
const SUFFIX = /\.[^.]*$/;

export class Panel {
  #page = null;
  #due = new Map(); // pages with strokes that were not sent yet -> settings
  #isFollowing = false; // whether strokes are being sent
  #usual = null; // the model's own saturation
  #light = ""; // what is chosen, as of `lightOf`
  #saturation = ""; // what is chosen, which the slider may show rounded; "" for the model's own
  #isKept = false; // whether the server keeps settings for the series
  #nextMood = ""; // with which the next volume begins
  #given = new Map(); // pages -> the light that they are being given
  #giving = Promise.resolve(); // those so far, one click after the other
  #isDrawing = false; // also while a page is shown that cannot be drawn on

  // `strokes` are those of the page, `history` is what can be taken back, and `tell(text)` shows
  // what went wrong.
  constructor(desk, strokes, history, tell) {
    Object.assign(this, { desk, strokes, history, tell });
    this.swatches = new Swatches(take, history, tell);
    const takeOnce = (color) => {
      take(color);
      this.swatches.release();
    };
    one("swatches").append(...Object.entries(SWATCHES).map(
      ([name, color]) => swatchOf(name, color, takeOnce)));
    this.likely = new Likely(takeOnce);
    this.moods = new Moods((light, reach) => {
      const isForNext = reach === "book" && !isReference(light);
      this.#choose(light, this.#within(reach, light), isForNext);
    }, () => this.#refer());
    one("draw").onclick = () => this.#draw(one("tools").hidden);
    one("undo").onclick = () => history.undo(this.#page);
    one("redo").onclick = () => history.redo(this.#page);
    one("clear").onclick = () => strokes.clear();
    one("apply").onclick = one("again").onclick = () => {
      one("stage").scrollIntoView({ block: "nearest" }); // a small screen has it above
      this.#again([this.#page]);
    };
    one("all").onclick = () => {
      const [settings, light] = [desk.settings, this.#light];
      const lightFor = (page) => // what other pages of a book tell stays
        [light, this.#lightOf(page)].some(isReference) ? this.#lightOf(page) : light;
      this.#again(desk.pages.filter(isReadable), settings,
        (page) => ({ ...settings, ...wishOf(lightFor(page)) }));
    };
    for (const id of ["lock", "tones", "paper", "treat"]) one(id).onchange = () => this.#settle();
    one("saturation").onchange = () => {
      const { value } = one("saturation");
      this.#saturation = Number(value) === this.#rounded() ? "" : value;
      this.#settle();
    };
    one("own").onclick = () => this.#save("colored", nameOf(this.#page));
    one("png").onclick = () => this.#save("colored?format=png", nameOf(this.#page, ".png"));
    one("layers").onclick = () => this.#save("layers", nameOf(this.#page, ".ora"));
    one("cbz").onclick = () => this.#saveBook();
    document.addEventListener("keydown", (event) => this.#key(event));
    for (const what of ["page", "pages"]) desk.addEventListener(what, () => this.moods.follow());
  }

  // Offers what a model and the project of its series have, as the server tells it.
  begin(about) {
    this.#usual = about.saturation;
    this.#isKept = about.kept;
    one("vivid").hidden = this.#usual === null;
    this.#nextMood = about.settings.mood ?? "";
    this.#show(this.#page && isReadable(this.#page) ? this.#page : about.settings);
    this.swatches.begin(about);
    this.moods.begin(about.moods, about.references);
  }

  // Fits what is offered to a page and how far it is.
  show(page) {
    const changed = page !== this.#page;
    this.#page = page;
    const done = page?.state === "done";
    const known = Boolean(page) && isReadable(page);
    if (changed && known) this.#show(page, this.#lightOf(page));
    this.moods.show(page);
    this.likely.show(page);
    this.#showTools();
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
    one("clear").disabled = !some;
    one("undo").disabled = !this.history.has(this.#page);
    one("redo").disabled = !this.history.hasUndone(this.#page);
    one("apply").disabled = !(some || this.#page?.hints);
  }

  // Colours a page anew as soon as a stroke has ended, where that is fast: a printed page, and one
  // whose network spreads strokes itself. Strokes that end meanwhile go together.
  async follow() {
    this.offer();
    const page = this.#page;
    if (page?.rule !== "flat" && !page?.guided) return;
    this.#due.set(page, this.#wishes());
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    for (const [each, settings] of this.#due) { // in turn, those that are added meanwhile too
      this.#due.delete(each);
      await this.#again([each], null, () => settings, LIVE);
    }
    this.#isFollowing = false;
  }

  // Begins or ends drawing.
  #draw(on) {
    this.#isDrawing = on;
    this.#showTools();
    if (on) this.strokes.viewer.uncover(); // what is drawn on is to be seen
  }

  #showTools() {
    const on = this.#isDrawing && Boolean(this.#page) && isReadable(this.#page);
    one("tools").hidden = one("strokes").hidden = !on;
    one("draw").setAttribute("aria-expanded", on);
    one("draw").textContent = on ? "Stop drawing" : "Draw strokes";
    document.body.classList.toggle("drawing", on);
  }

  // Shows settings, of a page or of the series.
  #show(settings, light = lightOf(settings)) {
    one("lock").value = settings.lock ?? "";
    one("tones").value = settings.tones ?? "keep";
    one("paper").value = settings.paper ?? "keep";
    this.#saturation = settings.saturation ?? "";
    one("saturation").max = Math.max(VIVID, this.#usual, this.#saturation);
    one("saturation").value = this.#saturation || this.#rounded();
    one("treat").value = settings.treat_as ?? "";
    this.#light = light;
    this.#settle();
  }

  #settle() {
    const lock = one("lock").value;
    one("tones").disabled = lock !== ""; // another rule shows them as they are
    this.desk.settings = { lock, tones: lock ? "" : one("tones").value, paper: one("paper").value,
      treat_as: one("treat").value, saturation: this.#saturation,
      mood: isReference(this.#light) ? this.#nextMood : this.#light };
  }

  // The settings of the page that is shown, as they are chosen now.
  #wishes() {
    return { ...this.desk.settings, ...wishOf(this.#light) };
  }

  // The place of the slider where the model's own saturation is.
  #rounded() {
    const { min, max } = one("saturation");
    return Math.min(max, Math.max(min, Math.round(10 * this.#usual) / 10));
  }

  // Colours pages anew, as is chosen now or each as `wishesOf(page)` says; the next volume begins
  // with what is a choice `forTheBook`.
  async #again(pages, forTheBook = null, wishesOf = null, wait = 0) {
    const wishes = this.#wishes(); // another page may be shown before the last is sent
    await this.#tried(one("apply"), async () => {
      for (const page of pages) {
        await this.desk.again(page, wishesOf?.(page) ?? wishes, await this.strokes.file(page),
          wait);
      }
      if (forTheBook && this.#isKept) {
        await request(`series/settings?${new URLSearchParams(forTheBook)}`, { method: "PUT" });
      }
    });
  }

  // The pages that a light counts for: the page that is shown, its chapter or its book. Pages that
  // tell others are told by none.
  #within(reach, light) {
    const { pages, references } = this.#page.book;
    return { page: [this.#page], book: pages,
      chapter: pages.filter((page) => folderOf(page) === folderOf(this.#page)) }[reach]
      .filter((page) => isReadable(page) && !(isReference(light)
        && (page.kind === "color" || references.includes(page.number))));
  }

  #lightOf(page) {
    return this.#given.get(page) ?? lightOf(page);
  }

  // Gives pages a light, and a mood to the next volume too where it `isForNext`; `back()` takes
  // back what belongs to it, and `again()` does that again.
  #choose(light, pages, isForNext = false, back = () => {}, again = () => {}) {
    const was = { lights: new Map(pages.map((page) => [page, this.#lightOf(page)])),
      next: this.#nextMood };
    const is = { lights: new Map(pages.map((page) => [page, light])),
      next: isForNext ? light : this.#nextMood };
    const change = (from, to) => {
      const same = pages.filter((page) => this.desk.pages.includes(page)
        && this.#lightOf(page) === from.lights.get(page)); // others were given another since
      this.#give(new Map(same.map((page) => [page, to.lights.get(page)])),
        this.#nextMood === from.next ? to.next : this.#nextMood);
    };
    this.history.add(() => {
      back();
      change(is, was);
    }, () => {
      again();
      change(was, is);
    }, [...pages, this.#page]); // also where it was clicked
    this.#give(is.lights, is.next);
  }

  // Has the page tell the others of its book their colours; one that does so does it no more.
  #refer() {
    const { book, number } = this.#page;
    const before = book.references;
    const isOne = before.includes(number);
    const after = isOne ? before.filter((each) => each !== number)
      : [...before, number].sort((one, other) => one - other);
    this.desk.refer(book, after);
    const others = book.pages.filter((page) => isReadable(page) && page.kind !== "color"
      && ![...before, number].includes(page.number)
      && (!isOne || isReference(this.#lightOf(page))));
    this.#choose(referenceTo(after), others, false, () => this.desk.refer(book, before),
      () => this.desk.refer(book, after));
  }

  // Gives pages their light, and the next volume a mood; all else of each stays as it is.
  #give(lights, next) {
    this.#light = lights.get(this.#page) ?? this.#light;
    this.#settle();
    for (const [page, light] of lights) this.#given.set(page, light);
    one("stage").scrollIntoView({ block: "nearest" }); // a small screen has it above
    const wishesOf = (page) => ({ ...ownOf(page), ...wishOf(lights.get(page)) });
    const forTheBook = next === this.#nextMood ? null : { mood: next };
    this.#nextMood = next;
    this.#giving = this.#giving.then(async () => {
      await this.#again([...lights.keys()], forTheBook, wishesOf);
      for (const [page, light] of lights) {
        if (this.#given.get(page) === light) this.#given.delete(page);
      }
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

  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (!["z", "y"].includes(key)) return;
    if (!this.#page || document.querySelector("dialog[open]")) return;
    if (event.target.matches("[type=password], [type=text]")) return; // they have their own
    event.preventDefault();
    if (key === "y" || event.shiftKey) this.history.redo(this.#page);
    else this.history.undo(this.#page);
  }
}

function take(color) {
  one("color").value = color;
  document.querySelector("[name=tool][value=brush]").checked = true;
}

function ownOf(page) {
  return Object.fromEntries(OWN.map((name) => [name, page[name] ?? ""]));
}

function folderOf(page) {
  return page.name.slice(0, page.name.lastIndexOf("/") + 1);
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
