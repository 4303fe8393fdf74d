// Wires the parts of the page together.

import { json } from "./api.js";
import { Desk } from "./desk.js";
import { askRemove } from "./dialogs.js";
import { listen } from "./intake.js";
import { List } from "./list.js";
import { Panel } from "./panel.js";
import { Strokes } from "./strokes.js";
import { Viewer } from "./viewer.js";

const one = (id) => document.getElementById(id);
const JUDGED = { color: "in colour", gray: "gray", screentone: "screentone", line_art: "line art" };

const desk = new Desk();
const viewer = new Viewer();
const strokes = new Strokes(viewer, () => panel?.offer());
let panel = null;
panel = new Panel(desk, strokes, tell);
const list = new List(desk, choose, remove);

desk.addEventListener("pages", settle);
desk.addEventListener("page", (event) => event.detail === viewer.page && refresh());
listen((files) => {
  desk.add(files);
  settle();
});
start();

async function start() {
  try {
    const about = await json("studio");
    one("model").textContent = `Colours by ${[about.model, about.edge_model].filter(Boolean).join(" and ")}`;
    await desk.restore();
  } catch (error) {
    tell(error.message);
  }
}

// Shows the desk where there is a page, and always one of them.
function settle() {
  const pages = desk.pages;
  document.body.classList.toggle("empty", !pages.length);
  one("welcome").hidden = pages.length > 0;
  one("desk").hidden = !pages.length;
  if (!pages.includes(viewer.page)) choose(pages[0] ?? null);
}

function choose(page) {
  panel.draw(false);
  list.mark(page);
  refresh(page);
}

let last = {}; // what was shown of the page before
async function refresh(page = viewer.page) {
  const isOther = page !== viewer.page;
  const before = last;
  last = { page, state: page?.state };
  describe(page);
  panel.show(page);
  if (isOther) tell("");
  try {
    await viewer.show(page);
  } catch (error) {
    if (page === viewer.page) tell(error.message);
  }
  if (page !== viewer.page || !page) return;
  if (isOther || !one("strokes").width) strokes.open(page, one("before"));
  else if (page.state === "done" && before.state !== "done") strokes.fade();
}

function describe(page) {
  one("title").textContent = page?.name ?? "No page chosen";
  one("stage").dataset.state = page?.state ?? "";
  one("facts").textContent = page ? factsOf(page).join(" · ") : "";
  one("facts").classList.toggle("bad", page?.state === "failed");
}

function factsOf(page) {
  if (page.state === "failed") return [page.error];
  if (page.state === "uploading") return [`Uploading, ${Math.round(100 * page.share)} %`];
  if (page.state === "waiting") return ["Waits to be coloured"];
  if (page.state === "coloring") return ["Is being coloured"];
  if (page.kind === "color") return ["Taken for a page in colour, and copied untouched"];
  const facts = [`Taken for ${JUDGED[page.kind]}`];
  if (page.luminance_change != null) facts.push(`luminance changed by ${+page.luminance_change.toFixed(1)} of 255 at most`);
  return [...facts, ...page.notes];
}

async function remove(book) {
  const isOnTheServer = book.pages.some((page) => page.number !== null);
  if (isOnTheServer && !await askRemove(book.name)) return;
  for (const page of book.pages) strokes.forget(page);
  await desk.remove(book);
}

function tell(text) {
  one("notice").textContent = text;
  one("notice").hidden = !text;
}
