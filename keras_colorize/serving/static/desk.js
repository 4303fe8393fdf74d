// The books on the visitor's desk and how far their pages are. Tells of changes by events:
// "pages" (there are more or fewer), "page" (one changed, in `detail`).

import { again, json, pause, request, upload } from "./api.js";

const OPEN = "books"; // in sessionStorage, so that they are found again after a reload
const REFERENCES = "references"; // there too: of each book the pages that tell the others
const WAIT = 15; // seconds that the server waits for a change before it answers
const PAUSE = 200; // milliseconds until it is asked again
const IS_BOOK = /\.(cbz|epub|pdf|cbr|cb7|cbt|zip|rar)$/i;
const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export class Desk extends EventTarget {
  books = [];
  settings = {}; // what is not chosen yet is as the series has it
  #sending = Promise.resolve();

  get pages() {
    return this.books.flatMap((book) => book.pages);
  }

  // Takes files as they come: each archive is a book, and all pictures are one.
  add(files) {
    const sorted = [...files].sort((one, other) => byName.compare(pathOf(one), pathOf(other)));
    const pictures = sorted.filter((file) => !IS_BOOK.test(file.name));
    const loose = this.books.find((book) => !book.archive) ?? this.#book("Pages", false);
    for (const file of pictures) {
      const page = this.#page(loose, file.name, "uploading");
      this.#queue(() => this.#sendPicture(loose, page, file));
    }
    for (const file of sorted.filter((each) => IS_BOOK.test(each.name))) {
      const book = this.#book(file.name, true);
      const page = this.#page(book, file.name, "uploading");
      this.#queue(() => this.#sendBook(book, page, file));
    }
    if (!loose.pages.length) this.#forget(loose);
    this.#tell("pages");
  }

  // Has a page coloured anew as the settings say, with a PNG of strokes or without. It shows as it
  // was for so many seconds, or until it is done if that is sooner.
  async again(page, settings, strokes, wait = 0) {
    const wishes = new URLSearchParams({ ...settings, wait });
    const said = await json(`books/${page.book.id}/pages/${page.number}?${wishes}`,
      { method: "POST", body: strokes });
    this.#update(page, said);
    this.#follow(page.book);
  }

  // Has these pages of a book, by their numbers, tell the others what colour things have.
  refer(book, numbers) {
    book.references = numbers;
    this.#remember();
    this.#tell("pages");
  }

  async remove(book) {
    this.#forget(book);
    this.#tell("pages");
    await this.#discard(book);
  }

  // Finds the books again that were on the desk before the page was reloaded.
  async restore() {
    const references = JSON.parse(sessionStorage.getItem(REFERENCES) ?? "{}");
    for (const id of JSON.parse(sessionStorage.getItem(OPEN) ?? "[]")) {
      try {
        const said = await json(`books/${id}`);
        const book = this.#book(said.archive ? said.name : "Pages", said.archive);
        book.references = references[id] ?? [];
        this.#open(book, said);
      } catch (error) {
        if (error.status !== 404) throw error; // else it has expired
      }
    }
    this.#remember();
    forgetOthers(this.books);
    this.#tell("pages");
  }

  async #discard(book) {
    const { id } = book;
    book.id = null;
    book.gone.abort();
    if (id) await request(`books/${id}`, { method: "DELETE" }).catch(() => {}); // it expires
    this.#remember();
  }

  #queue(send) {
    this.#sending = this.#sending.then(send); // one after the other, so that pages keep their order
  }

  async #sendPicture(book, page, file) {
    if (!this.pages.includes(page)) return;
    await this.#sent(page, async (progress) => {
      this.#take(book, await this.#send(book, file, progress));
    });
    this.#follow(book);
  }

  async #sendBook(book, page, file) {
    if (!this.books.includes(book)) return;
    await this.#sent(page, async (progress) => {
      const said = await this.#send(book, file, progress);
      book.pages = [];
      this.#open(book, said);
    });
    if (page.state === "failed") this.#discard(book);
  }

  async #send(book, file, progress) {
    if (!book.id) {
      book.id = (await json(`books?${new URLSearchParams(this.settings)}`, { method: "POST" })).id;
      this.#remember();
    }
    const path = `books/${book.id}/files?name=${encodeURIComponent(file.name)}`;
    return upload(path, file, progress, book.gone.signal);
  }

  async #sent(page, send) {
    try {
      await send((share) => this.#update(page, { share }));
    } catch (error) {
      this.#update(page, { state: "failed", error: error.message });
    }
  }

  #open(book, said) {
    book.id = said.id;
    book.changes = said.changes;
    this.#take(book, said);
    this.#tell("pages");
    this.#follow(book);
  }

  async #follow(book) {
    if (book.followed) return;
    book.followed = true;
    try {
      while (this.books.includes(book) && book.pages.some(isUnderWay)) {
        const path = `books/${book.id}?since=${book.changes}&wait=${WAIT}`;
        const said = await again(() => json(path, { signal: book.gone.signal }));
        this.#take(book, said);
        book.changes = said.changes;
        await pause(PAUSE);
      }
    } catch (error) {
      for (const page of book.pages.filter(isUnderWay)) {
        this.#update(page, { state: "failed", error: error.message });
      }
    } finally {
      book.followed = false;
    }
  }

  #take(book, said) {
    for (const each of said.pages) {
      const page = book.pages.find((known) => known.number === each.number) ??
        book.pages.find((known) => known.state === "uploading") ?? // told before its upload's end
        this.#page(book, each.name, each.state);
      this.#update(page, each);
    }
  }

  #book(name, archive) {
    const book = { name, archive, id: null, pages: [], changes: 0, followed: false, references: [],
      gone: new AbortController() };
    this.books.push(book);
    return book;
  }

  #page(book, name, state) {
    const page = { book, name, state, number: null, changed: 0, share: 0, error: null, notes: [] };
    book.pages.push(page);
    return page;
  }

  #update(page, said) {
    if (!this.books.includes(page.book)) return; // removed meanwhile
    if (said.changed < page.changed) return; // an answer that another has overtaken
    Object.assign(page, said);
    this.#tell("page", page);
  }

  #forget(book) {
    this.books = this.books.filter((other) => other !== book);
    this.#remember();
  }

  #remember() {
    const ids = this.books.map((book) => book.id).filter(Boolean);
    sessionStorage.setItem(OPEN, JSON.stringify(ids));
    sessionStorage.setItem(REFERENCES, JSON.stringify(Object.fromEntries(
      this.books.filter((book) => book.id).map((book) => [book.id, book.references]))));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export function isUnderWay(page) {
  return page.state === "waiting" || page.state === "coloring";
}

// Whether the server has a page in which there is something to colour.
export function isReadable(page) {
  return page.number !== null && (page.state !== "failed" || Boolean(page.kind));
}

// What is wrong with a page, without its name.
export function reasonOf(page) {
  const start = `${page.name}: `;
  return page.error.startsWith(start) ? page.error.slice(start.length) : page.error;
}

// Forgets the strokes of books that have expired.
function forgetOthers(books) {
  for (const key of Object.keys(sessionStorage)) {
    const [, id] = /^strokes (\S+) /.exec(key) ?? [];
    if (id && !books.some((book) => book.id === id)) sessionStorage.removeItem(key);
  }
}

function pathOf(file) {
  return file.path || file.webkitRelativePath || file.name;
}
