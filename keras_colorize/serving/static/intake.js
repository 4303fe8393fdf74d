// How files come in: chosen, dropped (folders too), pasted, or as the sample that the server draws.

import { blob } from "./api.js";

const one = (id) => document.getElementById(id);
const KNOWN = /\.(png|jpe?g|webp|tiff?|bmp|gif|cbz|pdf|cbr|cb7|cbt|epub)$/i;

// Calls `take(files)` with what the visitor brings, `tell(text)` with what cannot be read of it.
export function listen(takeKnown, tell) {
  const take = (files) => {
    const isKnown = ({ name, type }) => KNOWN.test(name) || type.startsWith("image/");
    const others = files.filter((file) => !isKnown(file)).map(({ name }) => name);
    if (others.length < files.length) takeKnown(files.filter(isKnown));
    if (others.length) tell(`${others.join(", ")}: no picture, comic or PDF; choose pages.`);
  };
  one("choose").onclick = one("more").onclick = () => one("files").click();
  one("files").onchange = () => {
    take([...one("files").files]);
    one("files").value = ""; // so that the same file can be chosen again
  };
  one("try").onclick = () => trySample(take, tell);
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) take(files);
  });
  listenForDrops(take, tell);
}

async function trySample(take, tell) {
  one("try").disabled = true; // a second click would bring a second page
  try {
    take([new File([await blob("sample.png")], "sample.png", { type: "image/png" })]);
  } catch (error) {
    tell(error.message);
  }
  one("try").disabled = false;
}

function listenForDrops(take, tell) {
  let depth = 0; // dragenter and dragleave come of every element that is passed over
  const show = (change) => {
    depth = change ? depth + change : 0;
    one("drop").hidden = depth <= 0;
  };
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => holdsFiles(event) && show(1));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && show(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    show(0);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file")
      .map((item) => ({ file: item.getAsFile(), entry: item.webkitGetAsEntry?.() }));
    const files = []; // the items are gone after the first wait
    const unread = [];
    for (const { file, entry } of items) {
      try {
        if (entry?.isDirectory) files.push(...await within(entry));
        else if (file) files.push(file);
      } catch (error) {
        unread.push(`${entry.name} cannot be read (${error.message}); choose its pages instead.`);
      }
    }
    if (files.length) take(files);
    if (unread.length) tell(unread.join(" "));
  });
}

// All pictures and archives below a folder, each with its path.
async function within(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) { // it gives a hundred at a time
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return found;
    for (const entry of entries.filter((each) => !each.name.startsWith("."))) {
      if (entry.isDirectory) found.push(...await within(entry));
      else if (KNOWN.test(entry.name)) found.push(await fileOf(entry));
    }
  }
}

async function fileOf(entry) {
  const file = await new Promise((done, failed) => entry.file(done, failed));
  file.path = entry.fullPath; // by which pages are sorted
  return file;
}
