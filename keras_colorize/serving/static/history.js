// What was done and can be taken back, of whatever kind, in the order in which it was done, and what
// was taken back and can be done again.

export class History {
  #done = []; // { pages, back, again }, the last at the end
  #undone = []; // those that were taken back, the last at the end

  // `changed()` is called when there is more to take back or to do again, or less.
  constructor(changed) {
    this.changed = changed;
  }

  // Adds what `back()` takes back, and then `again()` does. It is offered on these pages; on each page
  // where none are given. What was taken back there before is forgotten.
  add(back, again, pages = null) {
    const entry = { pages: pages && new Set(pages), back, again };
    this.#done.push(entry);
    this.#undone = this.#undone.filter((other) => other.pages && entry.pages
      && ![...entry.pages].some((page) => other.pages.has(page)));
    this.changed();
    return entry;
  }

  // Adds what was done on a page before all else, the first at the beginning; each as `add` takes it.
  addEarlier(steps, page) {
    this.#done.unshift(...steps.map((step) => ({ pages: new Set([page]), ...step })));
    this.changed();
  }

  has(page) {
    return Boolean(lastOf(this.#done, page));
  }

  hasUndone(page) {
    return Boolean(lastOf(this.#undone, page));
  }

  // Takes back what was done last of what is offered on a page.
  undo(page) {
    this.#move(this.#done, this.#undone, page)?.back();
    this.changed();
  }

  // Does again what was taken back last.
  redo(page) {
    this.#move(this.#undone, this.#done, page)?.again();
    this.changed();
  }

  // Forgets what was done, or taken back: it stays so.
  drop(entry) {
    this.#keep((each) => each !== entry);
  }

  // Forgets a page that is gone.
  forget(page) {
    for (const { pages } of [...this.#done, ...this.#undone]) pages?.delete(page);
    this.#keep(({ pages }) => !pages || pages.size);
  }

  #move(from, to, page) {
    const entry = lastOf(from, page);
    if (!entry) return null;
    from.splice(from.indexOf(entry), 1);
    to.push(entry);
    return entry;
  }

  #keep(isKept) {
    this.#done = this.#done.filter(isKept);
    this.#undone = this.#undone.filter(isKept);
    this.changed();
  }
}

function lastOf(entries, page) {
  return entries.findLast(({ pages }) => !pages || pages.has(page));
}
