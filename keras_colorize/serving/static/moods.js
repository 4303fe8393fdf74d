// The light of a page: small pictures of it in each mood of the series, one click for one.

import { json } from "./api.js";

const one = (id) => document.getElementById(id);

export class Moods {
  #page = null;
  #of = ""; // what of the page the pictures depend on
  #count = 0;

  // `choose(mood, reach)` is called with a number, or "" for none, and what it is to count for:
  // "page", "chapter" or "book".
  constructor(choose) {
    this.choose = choose;
  }

  // Offers so many moods from now on.
  begin(count) {
    this.#count = count;
    this.show(this.#page);
  }

  // Shows a page that is done in each mood; the pictures stay while it is coloured anew.
  async show(page) {
    if (page !== this.#page) this.#draw([]);
    this.#page = page;
    this.#mark();
    const of = `${page?.kind} ${page?.lock} ${page?.saturation}`;
    if (!this.#count || page?.state !== "done" || of === this.#of) return;
    this.#of = of;
    const path = `books/${page.book.id}/pages/${page.number}/moods`;
    const pictures = await json(path).catch(() => []); // it can be coloured all the same
    if (page === this.#page && of === this.#of) this.#draw(pictures, of);
  }

  #draw(pictures, of = "") {
    this.#of = of;
    one("light").hidden = !pictures.length;
    one("moods").replaceChildren(...pictures.map((picture, number) => {
      const button = document.createElement("button");
      const image = new Image();
      button.type = "button";
      button.dataset.mood = number || "";
      image.alt = "";
      image.src = `data:image/jpeg;base64,${picture}`;
      button.append(image, number ? `Mood ${number}` : "No mood");
      button.onclick = () => this.choose(button.dataset.mood, one("reach").value);
      return button;
    }));
    this.#mark();
  }

  #mark() {
    for (const button of one("moods").children) {
      button.setAttribute("aria-pressed", button.dataset.mood === (this.#page?.mood ?? ""));
    }
  }
}
