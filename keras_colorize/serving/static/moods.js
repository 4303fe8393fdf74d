// The light of a page: small pictures of it in each mood of the series, one click for one; or what
// other pages of its book tell it.

import { json } from "./api.js";

const one = (id) => document.getElementById(id);
const REFERENCE = "like "; // how a light begins that other pages tell; the rest is their numbers

export class Moods {
  #page = null;
  #of = ""; // what of the page the pictures depend on
  #pictures = [];
  #drawn = ""; // the buttons that are there
  #count = 0;
  #most = 0; // pages that may tell the others

  // `choose(light, reach)` is called with a light, and what it is to count for: "page", "chapter" or
  // "book"; `refer()` when the page is to tell the others their colours, or no more.
  constructor(choose, refer) {
    this.choose = choose;
    one("refer").onclick = refer;
  }

  // Offers so many moods from now on, and to refer to so many pages.
  begin(count, most) {
    this.#count = count;
    this.#most = most;
    this.show(this.#page);
  }

  // Shows a page that is done in each mood; the pictures stay while it is coloured anew.
  async show(page) {
    const changed = page !== this.#page;
    this.#page = page;
    if (changed) this.#of = "";
    this.#draw(changed ? [] : this.#pictures);
    const of = `${page?.kind} ${page?.lock} ${page?.saturation}`;
    if (!this.#count || page?.state !== "done" || of === this.#of) return;
    this.#of = of;
    const path = `books/${page.book.id}/pages/${page.number}/moods`;
    const pictures = await json(path).catch(() => null); // it can be coloured all the same
    if (page !== this.#page || of !== this.#of) return;
    if (pictures) this.#draw(pictures);
    else this.#of = "";
  }

  // Brings up to date what depends on the other pages of the book.
  follow() {
    this.#draw(this.#pictures);
  }

  #draw(pictures) {
    this.#pictures = pictures;
    const { book, number, kind, state } = this.#page ?? {};
    const numbers = book?.references ?? [];
    const isOne = numbers.includes(number);
    const picture = book?.pages.find((page) => page.number === numbers[0])?.thumbnails?.[1];
    const offered = pictures.map((each, mood) => [each, String(mood || ""), mood ? `Mood ${mood}`
      : "No mood"]);
    if (picture && !isOne && kind !== "color") {
      offered.push([picture, referenceTo(numbers), "Like reference"]);
    }
    const drawn = offered.map(([each, light]) => `${light} ${each}`).join();
    if (drawn !== this.#drawn) { // else a button keeps the focus
      one("moods").replaceChildren(...offered.map((each) => this.#button(...each)));
      this.#drawn = drawn;
    }
    for (const button of one("moods").children) {
      button.setAttribute("aria-pressed", button.dataset.mood === lightOf(this.#page));
    }
    if (this.#most) one("refer").setAttribute("aria-pressed", isOne);
    one("refer").disabled = state !== "done" || book.pages.length < 2
      || (!isOne && numbers.length >= this.#most);
    one("refer").hidden = !this.#most;
    one("light").hidden = !kind || !(this.#most || offered.length);
    one("reaching").hidden = !offered.length;
  }

  #button(picture, light, name) {
    const button = document.createElement("button");
    const image = new Image();
    button.type = "button";
    button.dataset.mood = light;
    image.alt = "";
    image.src = `data:image/jpeg;base64,${picture}`;
    button.append(image, name);
    button.onclick = () => this.choose(light, one("reach").value);
    return button;
  }
}

// The light of a page: the number of a mood, "" for none, or `referenceTo` other pages.
export function lightOf(page) {
  return page.reference?.length ? referenceTo(page.reference) : page.mood ?? "";
}

export function referenceTo(numbers) {
  return numbers.length ? `${REFERENCE}${numbers}` : "";
}

export function isReference(light) {
  return light.startsWith(REFERENCE);
}

// A light as the server takes it.
export function wishOf(light) {
  return isReference(light) ? { mood: "", reference: light.slice(REFERENCE.length) }
    : { mood: light, reference: "" };
}
