// Wires the parts of the page together.

import { json, onWaiting, pause } from "./api.js";
import { Desk, reasonOf } from "./desk.js";
import { askRemove } from "./dialogs.js";
import { History } from "./history.js";
import { listen } from "./intake.js";
import { List } from "./list.js";
import { Panel } from "./panel.js";
import { Strokes } from "./strokes.js";
import { Viewer } from "./viewer.js";

const one = (id) => document.getElementById(id);
const UNREADABLE = 422; // which the page says of itself once it was tried to colour it
const JUDGED = { gray: "A gray page", screentone: "A page with screentone", line_art: "Line art" };

const desk = new Desk();
const viewer = new Viewer();
const history = new History(() => panel?.offer());
const strokes = new Strokes(viewer, history, { ended: () => panel.follow(),
  picked: (column, row) => panel.likely.at(column, row) });
let panel = null;
panel = new Panel(desk, strokes, history, tell);
const list = new List(desk, pick, remove);
const PICKED = "picked"; // in the session's storage, the page that the visitor chose
let picked = false; // whether the visitor chose the page that is shown

desk.addEventListener("pages", settle);
desk.addEventListener("page", (event) => {
  if (event.detail !== viewer.page) return;
  const other = desk.pages.find((page) => page.state !== "failed");
  if (event.detail.state === "failed" && !picked && other) choose(other);
  else refresh();
});
listen((files) => {
  tell("");
  desk.add(files);
  settle();
}, tell);
let awaited = ""; // why a busy server is waited for
onWaiting((reason) => {
  if (reason || one("notice").textContent === awaited) tell(reason);
  awaited = reason;
});
start();

async function start() {
  try {
    let about = await json("studio");
    one("model").textContent = [`Model: ${about.model}`, about.edge_model && `of line art: ${about.edge_model}`]
      .filter(Boolean).join(", ");
    await desk.restore();
    while (about.state === "LOADING") {
      await pause(1000);
      about = await json("studio");
    }
    if (about.swatches) panel.begin(about); // else it stopped before it began
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
  const kept = sessionStorage.getItem(PICKED); // before a reload, after which books come one by one
  const again = picked || !kept ? null : pages.find((page) => keyOf(page) === kept);
  if (!again && pages.includes(viewer.page)) return;
  picked = Boolean(again);
  choose(again ?? pages[0] ?? null);
}

function pick(page) {
  picked = true;
  tell("");
  choose(page);
  try {
    sessionStorage.setItem(PICKED, keyOf(page));
  } catch {
    sessionStorage.removeItem(PICKED); // it is full of strokes
  }
}

function choose(page) {
  list.mark(page);
  refresh(page);
}

let last = {}; // the page that was shown before, and the count of its change
async function refresh(page = viewer.page) {
  const isOther = page !== viewer.page;
  const before = last;
  last = { page, changed: page?.changed };
  describe(page);
  if (isOther) strokes.close();
  panel.show(page);
  try {
    await viewer.show(page);
  } catch (error) {
    if (page === viewer.page && error.status !== UNREADABLE) tell(error.message);
  }
  if (page !== viewer.page || !page) return;
  strokes.open(page, one("before"));
  panel.offer();
  if (page === before.page && page.state === "done" && page.changed !== before.changed) strokes.fade();
}

// Names a page by what the server knows it by; one that it has not got yet cannot be found again.
function keyOf({ book, number }) {
  return book.id === null || number === null ? "" : `${book.id} ${number}`;
}

function describe(page) {
  one("title").textContent = page?.name ?? "No page chosen";
  one("stage").dataset.state = page?.state ?? "";
  one("facts").textContent = page ? factsOf(page).join(" · ") : "";
  one("facts").classList.toggle("bad", page?.state === "failed");
}

function factsOf(page) {
  if (page.state === "failed") return [reasonOf(page)];
  if (page.state === "uploading") return [`Uploading, ${Math.round(100 * page.share)} %`];
  if (page.state === "waiting") return ["Waits to be coloured"];
  if (page.state === "coloring") return ["Is being coloured"];
  if (page.kind === "color") return ["In colour already, so it was copied untouched", ...page.notes];
  const facts = [JUDGED[page.kind]];
  if (page.luminance_change != null) {
    facts.push(`luminance changed by ${+page.luminance_change.toFixed(1)} of 255 at most`);
  }
  if (page.rule === "flat") {
    facts.push(`flat colour in ${page.regions} regions under its ink`);
    facts.push(`${Math.round(100 * page.white_share)} % kept white`);
  }
  if (page.told != null) {
    const further = { "flowed into": page.reached, "carried to": page.carried };
    facts.push([`regions told: ${page.told}`, ...Object.entries(further)
      .filter(([, count]) => count).map(([how, count]) => `${how}: ${count}`)].join(", "));
  }
  return [...facts, ...page.notes];
}

async function remove(book) {
  const isOnTheServer = book.pages.some((page) => page.number !== null);
  if (isOnTheServer && !await askRemove(book.name)) return;
  tell("");
  for (const page of book.pages) {
    strokes.forget(page);
    history.forget(page);
  }
  const removed = desk.remove(book);
  if (desk.pages.length) list.focus();
  else one("choose").focus();
  await removed;
}

function tell(text) {
  if (one("notice").textContent !== text) one("notice").textContent = text; // it is read out
  one("notice").hidden = !text;
}
