// The list of books and pages: a small picture of each page, how far it is, and what went wrong.

import { isUnderWay, reasonOf } from "./desk.js";

const one = (id) => document.getElementById(id);
const STATES = { waiting: "Waiting", coloring: "Colouring …" };
const KINDS = { color: "In colour, copied", gray: "Gray", screentone: "Screentone",
  line_art: "Line art" };

export class List {
  #rows = new Map(); // page -> its button
  #removers = new Map(); // book -> the button that removes it
  #chosen = null;
  #due = false;

  // `choose(page)` is called when a page is picked, `remove(book)` when a book is to go.
  constructor(desk, choose, remove) {
    this.desk = desk;
    this.choose = choose;
    this.remove = remove;
    desk.addEventListener("pages", () => this.#draw());
    desk.addEventListener("page", (event) => this.#update(event.detail));
    one("books").addEventListener("keydown", (event) => this.#step(event));
  }

  // Marks the page that is shown; it alone is a stop of the Tab key.
  mark(page) {
    this.#chosen = page;
    for (const [each, row] of this.#rows) {
      row.tabIndex = each === page ? 0 : -1;
      if (each === page) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    this.#rows.get(page)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // Puts the keyboard's focus on the page that is shown.
  focus() {
    this.#rows.get(this.#chosen)?.focus();
  }

  #draw() {
    const focused = [...this.#rows, ...this.#removers]
      .find(([, button]) => button === document.activeElement)?.[0];
    this.#rows.clear();
    this.#removers.clear();
    one("books").replaceChildren(...this.desk.books.map((book) => this.#book(book)));
    this.mark(this.#chosen);
    (this.#rows.get(focused) ?? this.#removers.get(focused))?.focus();
    this.#tellProgress();
  }

  #book(book) {
    const section = element("section", "book");
    const heading = element("div", "book-head");
    const name = element("h3", "", book.name);
    const gone = element("button", "quiet", "Remove");
    gone.type = "button";
    gone.setAttribute("aria-label", `Remove ${book.name}`);
    gone.onclick = () => this.remove(book);
    this.#removers.set(book, gone);
    heading.append(name, gone);
    const pages = element("ol", "pages");
    pages.append(...book.pages.map((page) => this.#page(page)));
    section.append(heading, pages);
    return section;
  }

  #page(page) {
    const item = element("li");
    const row = element("button", "page");
    row.type = "button";
    row.onclick = () => this.choose(page);
    row.append(element("span", "thumb"), element("span", "name"), element("span", "state"));
    item.append(row);
    this.#rows.set(page, row);
    this.#update(page);
    return item;
  }

  #update(page) {
    const row = this.#rows.get(page);
    if (!row) return;
    row.dataset.state = page.state;
    row.querySelector(".name").textContent = page.name;
    row.querySelector(".state").textContent = stateOf(page);
    const picture = page.thumbnails?.[1];
    const thumb = row.querySelector(".thumb");
    if (picture && thumb.dataset.changed !== String(page.changed)) {
      const image = new Image();
      image.alt = "";
      image.src = `data:image/jpeg;base64,${picture}`;
      thumb.replaceChildren(image);
      thumb.dataset.changed = page.changed;
    }
    this.#tellProgress();
  }

  #tellProgress() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => { // once for all the pages that change together
      this.#due = false;
      this.#tellNow();
    });
  }

  #tellNow() {
    const pages = this.desk.pages;
    const failed = pages.filter((page) => page.state === "failed").length;
    const done = pages.filter((page) => page.state === "done").length;
    const sending = pages.find((page) => page.state === "uploading");
    const under = pages.filter(isUnderWay).length;
    const copied = pages.filter((page) => page.state === "done" && page.kind === "color").length;
    const same = copied ? `, ${copied} copied` : "";
    const bad = failed ? `, ${failed} failed` : "";
    if (sending && !under) tell(`Uploading ${sending.name}`);
    else if (sending || under) tell(`Colouring: ${done} of ${pages.length} done${bad}`);
    else tell(pages.length ? `Done: ${done - copied} of ${pages.length} coloured${same}${bad}` : "");
    one("bar").value = sending && !under ? sending.share : (done + failed) / (pages.length || 1);
    one("bar").classList.toggle("over", !sending && !under);
  }

  // Arrow keys go through the pages.
  #step(event) {
    const ways = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -1e9, End: 1e9 };
    if (!(event.key in ways) || !event.target.matches(".page")) return;
    event.preventDefault();
    const pages = [...this.#rows.keys()];
    const place = pages.indexOf(this.#chosen) + ways[event.key];
    const page = pages[Math.max(0, Math.min(pages.length - 1, place))];
    this.choose(page);
    this.#rows.get(page).focus();
  }
}

function stateOf(page) {
  if (page.state === "failed") return reasonOf(page);
  if (page.state === "uploading") return `Uploading, ${Math.round(100 * page.share)} %`;
  const kind = STATES[page.state] ?? KINDS[page.kind] ?? "";
  return page.book.references.includes(page.number) ? `${kind}, reference` : kind;
}

function tell(text) {
  if (one("status").textContent !== text) one("status").textContent = text; // said once
}

function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
