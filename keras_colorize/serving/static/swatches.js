// Colours that the visitor keeps by name: with the series where the server does, else in this tab.

import { json } from "./api.js";

const one = (id) => document.getElementById(id);
const HERE = "swatches"; // in sessionStorage

export class Swatches {
  #list = []; // of [name, colour]
  #sent = Promise.resolve(); // the changes so far, one after the other
  #taken = ""; // the name of the one in use
  #isKept = false;

  // `take(color)` is called when one is clicked, `history` takes changes back, and `tell(text)`
  // shows what went wrong.
  constructor(take, history, tell) {
    Object.assign(this, { take, history, tell });
    one("keep").onclick = () => this.#keep();
    one("called").onkeydown = (event) => {
      if (event.key === "Enter") this.#keep();
    };
    one("rename").onclick = () => this.#rename();
    one("drop-color").onclick = () => this.#remove();
  }

  // Shows the colours of the series.
  begin({ swatches, kept }) {
    this.#isKept = kept;
    const here = kept ? null : JSON.parse(sessionStorage.getItem(HERE));
    this.#list = here ?? swatches;
    one("kept-where").textContent = kept ? "They are kept with the series." :
      "They are kept until this tab is closed.";
    this.#draw();
  }

  // Ends the use of one, as another colour was taken.
  release() {
    this.#use("", "");
  }

  #keep() {
    const color = one("color").value;
    const name = one("called").value.trim() || color;
    const known = this.#list.some(([each]) => each === name);
    this.#taken = name;
    this.#change(known ? this.#list.map(([each, own]) => [each, each === name ? color : own]) :
      [...this.#list, [name, color]]);
  }

  #rename() {
    const [before, name] = [this.#taken, one("called").value.trim()];
    if (!name || name === before) return one("called").focus();
    this.#taken = name;
    this.#change(this.#list.filter(([each]) => each !== name)
      .map(([each, color]) => [each === before ? name : each, color]));
  }

  #remove() {
    const gone = this.#taken;
    this.release();
    this.#change(this.#list.filter(([each]) => each !== gone));
    one("keep").focus(); // the button that had the focus is disabled
  }

  #change(after) {
    const before = this.#list; // what other tabs do until it is taken back stays
    const change = { before, after };
    const entry = this.history.add(() => this.#set({ before: after, after: before }, entry),
      () => this.#set(change, entry));
    this.#set(change, entry);
  }

  #set(change, entry) {
    this.#list = change.after;
    this.#draw();
    this.#sent = this.#sent.then(() => this.#send(change, entry));
  }

  // Keeps a change, then shows what is kept, unless another change has followed.
  async #send(change, entry) {
    let kept = change.after;
    try {
      const body = JSON.stringify(change);
      if (this.#isKept) kept = (await json("series/swatches", { method: "PUT", body })).swatches;
      else sessionStorage.setItem(HERE, JSON.stringify(kept));
    } catch (error) {
      this.tell(`The change of colours is not kept. ${error.message}`);
      const about = this.#isKept && await json("studio").catch(() => null);
      kept = about?.swatches ?? change.before;
      this.history.drop(entry);
    }
    if (this.#list !== change.after || JSON.stringify(kept) === JSON.stringify(this.#list)) return;
    this.#list = kept;
    this.#draw();
  }

  #use(name, color) {
    this.#taken = name;
    one("called").value = name;
    if (color) this.take(color);
    this.#mark();
  }

  #draw() {
    one("kept").replaceChildren(...this.#list.map(([name, color]) => {
      const swatch = document.createElement("button");
      const dot = document.createElement("span");
      swatch.type = "button";
      swatch.dataset.name = name;
      swatch.title = color;
      dot.style.backgroundColor = color;
      swatch.append(dot, name);
      swatch.onclick = () => this.#use(name, color);
      return swatch;
    }));
    this.#mark();
  }

  #mark() {
    const isTaken = ({ dataset }) => dataset.name === this.#taken;
    for (const swatch of one("kept").children) swatch.setAttribute("aria-pressed", isTaken(swatch));
    one("rename").disabled = one("drop-color").disabled = ![...one("kept").children].some(isTaken);
  }
}

// A button of a colour, by a name that is not shown.
export function swatchOf(name, color, take) {
  const swatch = document.createElement("button");
  swatch.type = "button";
  swatch.title = name;
  swatch.setAttribute("aria-label", name);
  swatch.style.backgroundColor = color;
  swatch.onclick = () => take(color);
  return swatch;
}
