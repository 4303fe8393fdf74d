// What was done and can be taken back, of whatever kind, in the order in which it was done.

export class History {
  #done = []; // { pages, back }, the last at the end

  // `changed()` is called when there is more to take back, or less.
  constructor(changed) {
    this.changed = changed;
  }

  // Adds what `back()` takes back. It is offered on these pages; on each page where none are given.
  add(back, pages = null) {
    const entry = { pages: pages && new Set(pages), back };
    this.#done.push(entry);
    this.changed();
    return entry;
  }

  // Adds what was done on a page before all else, the first at the beginning.
  addEarlier(backs, page) {
    this.#done.unshift(...backs.map((back) => ({ pages: new Set([page]), back })));
    this.changed();
  }

  has(page) {
    return Boolean(this.#last(page));
  }

  // Takes back what was done last of what is offered on a page.
  undo(page) {
    const entry = this.#last(page);
    if (!entry) return;
    this.drop(entry);
    entry.back();
  }

  // Has what was done stay.
  drop(entry) {
    this.#done = this.#done.filter((each) => each !== entry);
    this.changed();
  }

  // Forgets a page that is gone.
  forget(page) {
    for (const { pages } of this.#done) pages?.delete(page);
    this.#done = this.#done.filter(({ pages }) => !pages || pages.size);
    this.changed();
  }

  #last(page) {
    return this.#done.findLast(({ pages }) => !pages || pages.has(page));
  }
}
