// The colours that a picked point of a page is likely to have, offered beside it.

import { json } from "./api.js";
import { swatchOf } from "./swatches.js";

const one = (id) => document.getElementById(id);

export class Likely {
  #page = null;
  #asked = 0; // times, of which the last counts

  // `take(color)` is called when one is clicked.
  constructor(take) {
    this.take = take;
  }

  // Offers none any more where another page is shown.
  show(page) {
    if (page !== this.#page) this.#draw([]);
    this.#page = page;
  }

  // Offers those of a pixel of the page.
  async at(column, row) {
    const [page, asked] = [this.#page, ++this.#asked];
    const path = `books/${page.book.id}/pages/${page.number}/colors?x=${column}&y=${row}`;
    const colors = await json(path).catch(() => []); // it can be drawn all the same
    if (page === this.#page && asked === this.#asked) this.#draw(colors);
  }

  #draw(colors) {
    one("likely").hidden = !colors.length;
    one("likely-colors").replaceChildren(...colors.map((color, number) =>
      swatchOf(`Likely colour ${number + 1}, ${color}`, color, this.take)));
  }
}
