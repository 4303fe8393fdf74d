// Strokes of colour over a page: drawn by mouse, pen, touch or keyboard, undone, erased, sent.

const one = (id) => document.getElementById(id);
const LONGEST = 2048; // pixels of the longer side: finer than colour is spread
const LEAST = 4; // canvas pixels of a stroke: a thinner one is half transparent throughout
const STEP = 0.02; // of the page's width, that an arrow key moves the brush

export class Strokes {
  #drawn = new Map(); // page -> { size, strokes }, each { color or null to erase, width, points }
  #page = null;
  #stroke = null; // under way
  #fingers = new Map();
  #cursor = null; // of the keyboard, in canvas pixels

  // `viewer` zooms, pans and knows colours, `history` takes strokes back; `ended()` is called when
  // there are more or fewer, and `picked(column, row)` when a pixel of the page was picked.
  constructor(viewer, history, { ended, picked }) {
    Object.assign(this, { viewer, history, ended, picked });
    this.canvas = one("strokes");
    this.context = this.canvas.getContext("2d");
    this.canvas.onpointerdown = (event) => this.#down(event);
    this.canvas.onpointermove = (event) => this.#move(event);
    this.canvas.onpointerup = this.canvas.onpointercancel = (event) => this.#up(event);
    this.canvas.onpointerleave = () => this.#ring(null);
    this.canvas.onkeydown = (event) => this.#key(event);
    this.canvas.onblur = () => this.#ring(null);
    this.canvas.onfocus = () => {
      one("place").textContent = ""; // of the keyboard alone, once it moves the brush
    };
  }

  get list() {
    return this.#page ? this.#of(this.#page).strokes : [];
  }

  // Lays the canvas over a page, with the strokes that it has.
  open(page, picture) {
    const { naturalWidth, naturalHeight } = picture;
    const share = Math.min(1, LONGEST / Math.max(naturalWidth, naturalHeight, 1));
    const [width, height] = [naturalWidth, naturalHeight].map((side) => Math.round(side * share) || 1);
    const { canvas } = this;
    if (page === this.#page && canvas.width === width && canvas.height === height) return;
    this.#page = page;
    this.#cursor = null;
    [canvas.width, canvas.height] = [width, height];
    this.#redraw();
  }

  // Takes no strokes until a page is opened.
  close() {
    this.#page = this.#stroke = this.#cursor = null;
    this.#fingers.clear();
    this.#ring(null);
    one("place").textContent = "";
    this.#redraw();
  }

  forget(page) {
    this.#drawn.delete(page);
    sessionStorage.removeItem(keyOf(page));
  }

  clear() {
    if (this.#page) this.#change([]);
  }

  // The strokes of a page as a transparent PNG; null where it has none.
  async file(page) {
    const { size, strokes } = this.#of(page);
    if (!strokes.some((stroke) => stroke.color)) return null;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = size;
    draw(canvas.getContext("2d"), strokes);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  // Lets the result be seen through the strokes until the next is drawn.
  fade() {
    if (!this.#stroke) this.canvas.classList.add("applied");
  }

  #of(page) {
    if (!this.#drawn.has(page)) {
      const kept = stored(page);
      this.#drawn.set(page, kept);
      const first = (count) => () => this.#set(page,
        { size: kept.size, strokes: kept.strokes.slice(0, count) });
      this.history.addEarlier(kept.strokes.map((_, count) => (
        { back: first(count), again: first(count + 1) })), page);
    }
    return this.#drawn.get(page);
  }

  #change(strokes) {
    const page = this.#page;
    const before = this.#of(page);
    const after = { size: [this.canvas.width, this.canvas.height], strokes };
    this.history.add(() => this.#set(page, before), () => this.#set(page, after), [page]);
    this.#set(page, after);
  }

  #set(page, kept) {
    this.#drawn.set(page, kept);
    store(page, kept);
    this.#redraw();
    this.ended();
  }

  #redraw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    draw(this.context, this.list);
    this.canvas.classList.remove("applied");
  }

  #down(event) {
    if (event.button || !this.#page) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, event);
    if (this.#fingers.size > 1) { // two fingers zoom, and the first was not meant to draw
      if (this.#stroke) this.#redraw();
      this.#stroke = null;
      return;
    }
    if (tool() === "pick") return this.#pick(event.clientX, event.clientY);
    this.#stroke = this.#begin(this.#point(event));
  }

  #move(event) {
    this.#ring(event);
    if (!this.#fingers.has(event.pointerId)) return;
    if (this.#fingers.size > 1) return this.#pinch(event);
    this.#fingers.set(event.pointerId, event);
    if (!this.#stroke) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) this.#stroke.points.push(this.#point(each));
    draw(this.context, [this.#stroke]);
  }

  #up(event) {
    this.#fingers.delete(event.pointerId);
    const stroke = this.#stroke;
    this.#stroke = null;
    if (stroke) this.#change([...this.list, stroke]);
    if (event.pointerType === "touch") this.#ring(null);
  }

  #begin(point) {
    const color = tool() === "eraser" ? null : one("color").value;
    const stroke = { color, width: this.#width(), points: [point] };
    this.canvas.classList.remove("applied");
    draw(this.context, [stroke]);
    return stroke;
  }

  // Two fingers move and zoom the page.
  #pinch(event) {
    const before = [...this.#fingers.values()].slice(0, 2);
    this.#fingers.set(event.pointerId, event);
    const after = [...this.#fingers.values()].slice(0, 2);
    const [from, to] = [middle(before), middle(after)];
    this.viewer.pan(from.x - to.x, from.y - to.y);
    this.viewer.zoomBy(apart(after) / Math.max(1, apart(before)), to.x, to.y);
  }

  #pick(x, y) {
    one("color").value = this.viewer.colorAt(x, y);
    one("color").dispatchEvent(new Event("input"));
    document.querySelector("[name=tool][value=brush]").checked = true;
    this.picked(...this.viewer.pixelAt(x, y));
  }

  // Arrow keys move the brush, space or Enter puts a dot.
  #key(event) {
    if (!this.#page) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const { width, height } = this.canvas;
    this.#cursor ??= [width / 2, height / 2];
    const step = width * STEP * (event.shiftKey ? 0.2 : 1);
    if (event.key in ways) {
      const [x, y] = this.#cursor;
      const [right, down] = ways[event.key];
      this.#cursor = [clamp(x + right * step, width), clamp(y + down * step, height)];
    } else if (event.key === " " || event.key === "Enter") {
      const at = this.#onScreen(this.#cursor);
      if (tool() === "pick") this.#pick(at.clientX, at.clientY);
      else this.#change([...this.list, this.#begin(this.#cursor)]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.#ring(this.#onScreen(this.#cursor));
    this.#tellPlace();
  }

  // Says where the keyboard has the brush, and what lies there.
  #tellPlace() {
    const { width, height } = this.canvas;
    const [x, y] = this.#cursor;
    const share = (part, whole) => `${Math.round(100 * part / whole)} %`;
    const some = this.list.length === 1 ? "1 stroke" : `${this.list.length} strokes`;
    one("place").textContent =
      `Brush at ${share(x, width)} from the left, ${share(y, height)} from the top; ${some}`;
  }

  #width() {
    return Math.max(LEAST, one("width").value / 1000 * this.canvas.width);
  }

  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * this.canvas.width,
      (event.clientY - box.top) / box.height * this.canvas.height];
  }

  #onScreen([x, y]) {
    const box = this.canvas.getBoundingClientRect();
    return { clientX: box.left + x / this.canvas.width * box.width,
      clientY: box.top + y / this.canvas.height * box.height };
  }

  // The brush's outline, where the pointer or the keyboard has it.
  #ring(at) {
    const ring = one("brush");
    ring.hidden = !at || at.pointerType === "touch";
    if (ring.hidden) return;
    const box = this.canvas.getBoundingClientRect();
    const size = Math.max(6, this.#width() / this.canvas.width * box.width);
    ring.style.width = ring.style.height = `${size}px`;
    ring.style.transform =
      `translate(${at.clientX - box.left - size / 2}px, ${at.clientY - box.top - size / 2}px)`;
  }
}

// Strokes are found again after a reload, as the books are.
function store(page, kept) {
  try {
    sessionStorage.setItem(keyOf(page), JSON.stringify(kept));
  } catch {
    sessionStorage.removeItem(keyOf(page)); // it is full: these last until the reload alone
  }
}

function stored(page) {
  return JSON.parse(sessionStorage.getItem(keyOf(page))) ?? { size: null, strokes: [] };
}

function keyOf(page) {
  return `strokes ${page.book.id} ${page.number}`;
}

function draw(context, strokes) {
  context.lineCap = context.lineJoin = "round";
  for (const { color, width, points } of strokes) {
    context.globalCompositeOperation = color ? "source-over" : "destination-out";
    context.strokeStyle = color ?? "#000";
    context.lineWidth = width;
    context.beginPath();
    const [x, y] = points[0];
    context.moveTo(x, y);
    context.lineTo(x + 0.01, y); // a line of no length is not drawn, and a tap is to be a dot
    for (const point of points.slice(1)) context.lineTo(...point);
    context.stroke();
  }
}

function tool() {
  return document.querySelector("[name=tool]:checked").value;
}

function middle([one, other]) {
  return { x: (one.clientX + other.clientX) / 2, y: (one.clientY + other.clientY) / 2 };
}

function apart([one, other]) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}

function clamp(value, most) {
  return Math.max(0, Math.min(most, value));
}
